//go:build linux

package cli

import (
	"time"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
)

// victim is the namespace of the service that the faults affect.
const victim = "customerapi-main"

// faultScenarios are all scenarios, those of Azure first.
func faultScenarios() []faultScenario {
	return append(azureFaults(), clusterFaults()...)
}

// Azure, as the azure-native and azuread providers see it.
func azureFaults() []faultScenario {
	deleteStrays := func(what string) string { return "`az " + what + "`, which `up` names" }
	return []faultScenario{
		{
			name: "azure-throttled-once", fault: "Azure: 429 with Retry-After, once", fresh: true,
			flags: updateFlags{faults: rule("create Registry throttled call=1")},
		},
		{
			name: "azure-throttled", fault: "Azure: 429, each time", fresh: true,
			flags: updateFlags{faults: rule("create Registry throttled")},
			seen:  `Status=429 Code="SubscriptionRequestsThrottled"`,
		},
		{
			name: "azure-conflict", fault: "Azure: 409, another operation is in progress", fresh: true,
			flags: updateFlags{faults: rule("create Webhook conflict")},
			seen:  `Status=409 Code="AnotherOperationInProgress"`,
		},
		{
			name: "azure-error", fault: "Azure: 500, each time", fresh: true,
			flags: updateFlags{faults: rule("create ResourceGroup error")},
			seen:  `Status=500 Code="InternalServerError"`,
		},
		{
			name: "azure-flaky", fault: "Azure: 503 to a fifth of all requests", fresh: true,
			flags: updateFlags{faults: rule("any * unavailable chance=0.2 seed=5")},
		},
		{
			name: "azure-slow", fault: "Azure: slow to answer", fresh: true,
			flags: updateFlags{faults: rule("create Registry slow for=2s")},
		},
		{
			name: "azure-lost-once", fault: "Azure: the answer to a creation is lost, once", fresh: true,
			flags: updateFlags{faults: rule("create Registry lost call=1")},
		},
		{
			name: "azure-lost", fault: "Azure: the answer to a creation is lost, each time", fresh: true,
			flags:  updateFlags{faults: rule("create Registry lost")},
			seen:   "connection reset by peer",
			person: deleteStrays("resource delete --ids …"), act: deleteAllStrays,
		},
		{
			name: "azure-lost-update", fault: "Azure: the answer to a change is lost, each time",
			flags: updateFlags{faults: rule("update Registry lost"), config: map[string]string{"registry.sku": "Standard"}},
			seen:  "connection reset by peer",
		},
		{
			name: "azure-name-taken", fault: "Azure: the registry's name is taken", fresh: true,
			flags: updateFlags{faults: rule("create Registry taken")},
			seen:  `Code="RegistryNameAlreadyInUse"`,
		},
		{
			name: "azure-gateway-once", fault: "Azure: 502, it does not reach its own service, once", fresh: true,
			flags: updateFlags{faults: rule("create Registry gateway call=1")},
		},
		{
			name: "azure-unregistered", fault: "Azure: the subscription has never had a registry", fresh: true,
			flags: updateFlags{faults: rule("create Registry unregistered")},
			seen:  `Code="MissingSubscriptionRegistration"`,
		},
		{
			name: "azure-no-tasks", fault: "Azure: the subscription is not allowed to run ACR Tasks", fresh: true,
			flags: updateFlags{faults: rule("create RegistryTaskScheduleRunNow no-tasks")},
			config: map[string]string{
				"services.customerapi.image.tag":           "1.0.0",
				"services.customerapi.image.import.source": "docker.io/wolfgangofner/customerapi:1.0.0",
			},
			seen: `Code="TasksOperationsNotAllowed"`,
		},
		{
			name: "azure-quota", fault: "Azure: the quota is exceeded", fresh: true,
			flags: updateFlags{faults: rule("create ResourceGroup quota")},
			seen:  `Code="ResourceGroupQuotaExceeded"`,
		},
		{
			name: "azure-forbidden", fault: "Azure: no permission to assign roles", fresh: true,
			flags: updateFlags{faults: rule("create RoleAssignment forbidden")},
			seen:  `Code="AuthorizationFailed"`,
		},
		{
			name: "entra-throttled", fault: "Entra: 429, each time", fresh: true,
			flags: updateFlags{faults: rule("create Application throttled")},
			seen:  "unexpected status 429 with OData error: TooManyRequests",
		},
		{
			name: "entra-forbidden", fault: "Entra: no permission to create applications", fresh: true,
			flags: updateFlags{faults: rule("create Application forbidden")},
			seen:  "Authorization_RequestDenied",
		},
		{
			name: "entra-lost-once", fault: "Entra: the answer to a creation is lost, once", fresh: true,
			flags:  updateFlags{faults: rule("create Application lost call=1")},
			person: deleteStrays("ad app delete --id …"), act: deleteAllStrays,
		},
		{
			name: "entra-lost-principal", fault: "Entra: the answer to a service principal's creation is lost", fresh: true,
			flags: updateFlags{faults: rule("create ServicePrincipal lost call=1")},
			seen:  "Request_MultipleObjectsWithSameKeyValue",
		},
		{
			name: "entra-replication", fault: "Entra: an hour until it knows new passwords",
			flags: updateFlags{replication: time.Hour, config: map[string]string{"rotation.generation": "1"}},
		},
		{
			name: "pull-propagation", fault: "Azure: some time until the registry knows a new role", fresh: true,
			flags:  updateFlags{propagation: propagation(3 * time.Second)},
			config: map[string]string{"services.customerapi.image.tag": "1.0.0"},
		},
		{
			name: "pull-never", fault: "Azure: longer than the release waits", fresh: true,
			flags: updateFlags{propagation: propagation(azuredouble.Never), config: impatient(nil)},
			config: map[string]string{
				"services.customerapi.image.tag": "1.0.0",
				"registry.name":                  "acrmicroservicesnever0badcafe", // the node has none of its images
			},
			seen: "authentication required",
		},
	}
}

// impatient returns settings with a short timeout for the release.
func impatient(more map[string]string) map[string]string {
	config := map[string]string{"release.timeoutSeconds": "8"}
	for key, value := range more {
		config[key] = value
	}
	return config
}

// change creates new pods of the existing image.
func change(name string) map[string]string {
	return map[string]string{"services.customerapi.values.env.REASON": name}
}

// changeSlowly does the same while the controllers, which were down too, elect a leader and find the node again.
func changeSlowly(name string) map[string]string {
	config := change(name)
	config["release.timeoutSeconds"] = "120"
	return config
}

// Kubernetes, and the machine on which an update runs.
func clusterFaults() []faultScenario {
	return []faultScenario{
		{
			name: "secret-deleted", fault: "Kubernetes: the pull secret is deleted outside Pulumi",
			arrange: kubectlDoes("delete", "secret", "acr-secret", "--namespace", victim),
			flags:   updateFlags{config: impatient(map[string]string{"services.customerapi.image.tag": "1.1.0"})},
			seen:    "Unable to retrieve some image pull secrets (acr-secret)",
			person:  "`up --refresh`", refresh: true,
		},
		{
			name: "api-down", fault: "Kubernetes: the API server is down",
			arrange: outage("kube-apiserver"), lift: outageOver("kube-apiserver"),
			flags: updateFlags{config: impatient(nil)}, config: changeSlowly("api-down"),
			seen: "connection refused",
		},
		{
			name: "api-restart", fault: "Kubernetes: the API server is away while Helm upgrades",
			during: whileUpgrading(outage("kube-apiserver")), lift: outageOver("kube-apiserver"),
			flags: updateFlags{config: impatient(nil)}, config: changeSlowly("api-restart"),
			seen: "connection refused",
		},
		{
			name: "webhook-refuses", fault: "Kubernetes: an admission webhook refuses",
			arrange: refuseDeployments, lift: allowDeployments,
			flags: updateFlags{config: impatient(nil)}, config: change("webhook-refuses"),
			seen: `admission webhook "policy.sandbox.example" denied the request: every change needs a ticket`,
		},
		{
			name: "node-gone", fault: "Kubernetes: the node is gone",
			arrange: allOf(outage("node"), kubectlDoes("delete", "node", "sandbox")), lift: outageOver("node"),
			flags: updateFlags{config: map[string]string{"release.timeoutSeconds": "20"}}, config: changeSlowly("node-gone"),
			seen: "no nodes available to schedule pods",
		},
		{
			name: "image-missing", fault: "Kubernetes: the image does not exist",
			flags: updateFlags{config: impatient(map[string]string{"services.customerapi.image.tag": "9.9.9"})},
			seen:  "is not found",
		},
		{
			name: "image-platform", fault: "Kubernetes: the image is for another architecture",
			flags: updateFlags{config: impatient(map[string]string{
				"services.customerapi.image.tag":            "other",
				"services.customerapi.image.build.context":  "https://github.com/example/shop.git#v1.0.0:customerapi",
				"services.customerapi.image.build.platform": otherPlatform(),
			})},
			seen: "Back-off restarting failed container",
		},
		{
			name: "crash-loop", fault: "Kubernetes: the program crashes at its start",
			flags: updateFlags{config: impatient(map[string]string{"services.customerapi.values.env.PORT": "nowhere"})},
			seen:  "Back-off restarting failed container",
		},
		{
			name: "volume-pending", fault: "Kubernetes: a volume claim stays pending",
			arrange: kubectlApplies(claim), lift: kubectlDoes("delete", "pvc", "data", "--namespace", victim, "--wait=false"),
			flags: updateFlags{config: impatient(map[string]string{
				"services.customerapi.values.volumes[0].name":                            "data",
				"services.customerapi.values.volumes[0].persistentVolumeClaim.claimName": "data",
			})},
			seen: "unbound immediate PersistentVolumeClaims",
		},
		{
			name: "provider-killed", fault: "this machine: the Kubernetes provider is killed while Helm upgrades",
			during: whileUpgrading(kill("pulumi-resource-kubernetes")),
			flags:  updateFlags{config: impatient(nil)}, config: change("provider-killed"),
			seen: "error reading from server: EOF",
		},
		{
			name: "disk-full", fault: "this machine: no room for the state file while Helm upgrades", needs: smallDiskNeeds,
			arrange: smallDisk, during: whileUpgrading(fillDisk), lift: largeDisk,
			flags: updateFlags{config: impatient(nil)}, config: change("disk-full"),
			seen: "no space left on device",
		},
		{
			name: "sandbox-killed", fault: "this machine: everything but Pulumi is killed while Helm upgrades",
			during: whileUpgrading(killDaemon),
			flags:  updateFlags{config: impatient(nil)}, config: change("sandbox-killed"),
			seen: "the sandbox is not running",
		},
	}
}
