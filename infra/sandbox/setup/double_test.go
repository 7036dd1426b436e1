//go:build linux

package setup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/itchyny/gojq"
	"github.com/jmespath/go-jmespath"
)

// object is an object of Azure, Azure DevOps or GitHub, as the CLIs print it.
type object = map[string]any

// store keeps all objects, by kind, in a file.
type store struct {
	path   string
	Things map[string][]object
	Calls  []string // that changed something
}

func openStore(path string) (*store, error) {
	s := &store{path: path, Things: map[string][]object{}}
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	} else if err != nil {
		return nil, err
	}
	return s, json.Unmarshal(text, s)
}

func (s *store) save() error {
	text, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.path, text, 0o600)
}

// add creates an object with a number and an id. A duplicate key is an error.
func (s *store) add(kind string, thing object, key ...string) (any, error) {
	for _, other := range s.Things[kind] {
		same := len(key) > 0
		for _, part := range key {
			same = same && other[part] == thing[part]
		}
		if same {
			return nil, fmt.Errorf("%s %v is there already", kind, thing[key[0]])
		}
	}
	if thing["id"] == nil {
		thing["id"] = fmt.Sprintf("%s-%d", kind, len(s.Things[kind])+1)
	}
	s.Things[kind] = append(s.Things[kind], thing)
	return thing, nil
}

// with returns a kind's objects whose fields have these values.
func (s *store) with(kind string, fields object) []object {
	found := []object{}
	for _, thing := range s.Things[kind] {
		same := true
		for name, value := range fields {
			same = same && thing[name] == value
		}
		if same {
			found = append(found, thing)
		}
	}
	return found
}

// call is one call of a CLI, its options by name.
type call struct {
	*store
	options map[string][]string
}

func (c call) get(option string) string {
	if values := c.options[option]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// pairs returns the key=value arguments of an option.
func (c call) pairs(option string) object {
	values := object{}
	for _, pair := range c.options[option] {
		key, value, _ := strings.Cut(pair, "=")
		values[key] = value
	}
	return values
}

func (c call) file(option string) (object, error) {
	text, err := os.ReadFile(c.get(option))
	if err != nil {
		return nil, err
	}
	var content object
	err = json.Unmarshal(text, &content)
	return content, err
}

// command describes one command of a double. Required options end with an exclamation mark, options with several values with a
// star. Sources: learn.microsoft.com/cli/azure/<command>; for devops, pipelines and repos the extension's arguments.py, in
// github.com/Azure/azure-devops-cli-extension.
type command struct {
	options string
	changes bool
	do      func(call) (any, error)
}

const (
	global  = " --output --query --subscription --only-show-errors --verbose --debug"
	devops  = " --organization --org --detect" + global
	project = " --project" + devops
)

func list(kind string, fields map[string]string) func(call) (any, error) {
	return func(c call) (any, error) {
		match := object{}
		for field, option := range fields {
			if value := c.get(option); value != "" {
				match[field] = value
			}
		}
		return c.with(kind, match), nil
	}
}

var azCommands = map[string]command{
	"account set":  {options: "--subscription!" + global, do: func(call) (any, error) { return nil, nil }},
	"account show": {options: global, do: func(call) (any, error) { return object{"tenantId": "tenant-1", "id": "subscription"}, nil }},
	"cloud show": {options: "--name" + global, do: func(c call) (any, error) {
		return append(c.with("cloud", nil), object{"name": "AzureCloud", "isActive": true})[0], nil
	}},
	"extension list": {options: global, do: list("extension", nil)},
	"extension add": {options: "--name! --yes --version --upgrade --source" + global, changes: true, do: func(c call) (any, error) {
		return c.add("extension", object{"name": c.get("--name")}, "name")
	}},
	"provider list": {options: global, do: func(c call) (any, error) {
		return append(c.with("provider", nil), object{"id": "provider-0", "namespace": "Microsoft.Network", "registrationState": "NotRegistered"}), nil
	}},
	"provider register": {options: "--namespace! --wait --consent-to-permissions --accept-terms --management-group-id" + global, changes: true, do: func(c call) (any, error) {
		state := "Registering"
		if c.options["--wait"] != nil {
			state = "Registered"
		}
		return c.add("provider", object{"namespace": c.get("--namespace"), "registrationState": state}, "namespace")
	}},
	"group list": {options: "--tag" + global, do: list("group", nil)},
	"group create": {options: "--name! --location! --managed-by --tags*" + global, changes: true, do: func(c call) (any, error) {
		return c.add("group", object{"name": c.get("--name")}, "name")
	}},
	"storage account list": {options: "--resource-group" + global, do: list("account", map[string]string{"group": "--resource-group"})},
	"storage account create": {
		options: "--name! --resource-group! --location --sku --kind --access-tier --min-tls-version --allow-blob-public-access --allow-shared-key-access --https-only --tags*" + global,
		changes: true, do: func(c call) (any, error) {
			return c.inGroup("account", object{"name": c.get("--name"), "sharedKeys": c.get("--allow-shared-key-access")})
		},
	},
	"storage container-rm list": {options: "--storage-account! --resource-group --include-deleted" + global, do: func(c call) (any, error) {
		if len(c.with("account", object{"name": c.get("--storage-account")})) == 0 {
			return nil, errors.New("(ResourceNotFound) no such storage account")
		}
		return c.with("container", object{"account": c.get("--storage-account")}), nil
	}},
	"storage container-rm create": {options: "--name! --storage-account! --resource-group --public-access --metadata*" + global, changes: true, do: func(c call) (any, error) {
		return c.add("container", object{"name": c.get("--name"), "account": c.get("--storage-account")}, "name", "account")
	}},
	"keyvault list": {options: "--resource-group --resource-type" + global, do: list("vault", map[string]string{"group": "--resource-group"})},
	"keyvault create": {
		options: "--name! --resource-group! --location --enable-rbac-authorization --enable-purge-protection --retention-days --sku --tags*" + global,
		changes: true, do: func(c call) (any, error) { return c.inGroup("vault", object{"name": c.get("--name")}) },
	},
	"rest": {options: "--url! --method --body --headers* --uri-parameters* --resource --skip-authorization-header --output-file" + global, do: rest},
	"identity list": {options: "--resource-group" + global, do: func(c call) (any, error) {
		return c.with("identity", object{"group": c.get("--resource-group")}), nil
	}},
	"identity create": {options: "--name! --resource-group! --location --tags*" + global, changes: true, do: func(c call) (any, error) {
		name := c.get("--name")
		return c.inGroup("identity", object{"name": name, "principalId": "principal-of-" + name, "clientId": "client-of-" + name})
	}},
	"identity federated-credential list": {options: "--identity-name! --resource-group!" + global, do: func(c call) (any, error) {
		if len(c.with("identity", object{"name": c.get("--identity-name")})) == 0 {
			return nil, errors.New("(ParentResourceNotFound) no such identity")
		}
		return c.with("credential", object{"identity": c.get("--identity-name")}), nil
	}},
	"identity federated-credential create": {options: "--name! --identity-name! --resource-group! --issuer --subject --audiences*" + global, changes: true, do: func(c call) (any, error) {
		// https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations
		if c.get("--issuer") == "" || c.get("--subject") == "" || !slices.Equal(c.options["--audiences"], []string{"api://AzureADTokenExchange"}) {
			return nil, errors.New("a federated credential needs issuer, subject and one audience")
		}
		for _, credential := range c.with("credential", object{"name": c.get("--name"), "identity": c.get("--identity-name")}) {
			credential["issuer"], credential["subject"] = c.get("--issuer"), c.get("--subject") // create is also update
			return credential, nil
		}
		return c.add("credential", object{"name": c.get("--name"), "identity": c.get("--identity-name"), "issuer": c.get("--issuer"), "subject": c.get("--subject")})
	}},
	"role assignment list": {options: "--scope --role --assignee --all --include-inherited --include-groups --resource-group" + global, do: func(c call) (any, error) {
		return c.with("role", object{"scope": c.get("--scope")}), nil
	}},
	"role assignment create": {
		options: "--role! --scope! --assignee --assignee-object-id --assignee-principal-type --condition --condition-version --description --name" + global,
		changes: true, do: func(c call) (any, error) {
			if c.get("--assignee-object-id") == "" || c.get("--assignee-principal-type") != "ServicePrincipal" {
				return nil, errors.New("the assignee is missing")
			}
			return c.add("role", object{
				"principalId": c.get("--assignee-object-id"), "roleDefinitionName": c.get("--role"), "scope": c.get("--scope"), "condition": c.get("--condition"),
			}, "principalId", "roleDefinitionName", "scope")
		},
	},
	"ad sp show": {options: "--id!" + global, do: func(c call) (any, error) { return object{"id": "graph", "appId": c.get("--id")}, nil }},

	"devops project show": {options: "--project! --open" + devops, do: func(c call) (any, error) {
		return object{"id": "project-id", "name": c.get("--project")}, nil
	}},
	"devops user show": {options: "--user!" + devops, do: func(c call) (any, error) { return object{"id": "id-of-" + c.get("--user")}, nil }},
	"repos show": {options: "--repository! --open" + project, do: func(c call) (any, error) {
		return append(c.with("repository", nil), object{"id": "repository-id", "defaultBranch": "refs/heads/main"})[0], nil
	}},
	"repos policy list": {options: "--repository-id --branch" + project, do: func(c call) (any, error) {
		return c.with("policy", object{"branch": c.get("--branch")}), nil
	}},
	"repos policy build create": {
		options: "--repository-id! --branch! --blocking! --enabled! --build-definition-id! --queue-on-source-update-only! --manual-queue-only! --display-name! --valid-duration! --path-filter --branch-match-type" + project,
		changes: true, do: func(c call) (any, error) {
			id, err := strconv.Atoi(c.get("--build-definition-id"))
			if err != nil {
				return nil, err
			}
			return c.add("policy", object{"branch": c.get("--branch"), "isBlocking": c.get("--blocking"), "settings": object{"buildDefinitionId": id}})
		},
	},
	"repos policy build update": {
		options: "--id! --blocking --enabled --branch --build-definition-id --display-name --repository-id" + project,
		changes: true, do: func(c call) (any, error) {
			found := c.with("policy", object{"id": c.get("--id")})
			if len(found) != 1 {
				return nil, errors.New("no such policy")
			}
			found[0]["isBlocking"] = c.get("--blocking")
			return found[0], nil
		},
	},
	"pipelines list": {options: "--name --top --repository --repository-type --query-order --folder-path" + project, do: list("pipeline", map[string]string{"name": "--name"})},
	"pipelines create": {
		options: "--name! --description --repository --branch --yml-path --yaml-path --repository-type --service-connection --queue-id --skip-first-run --skip-run --folder-path" + project,
		changes: true, do: func(c call) (any, error) {
			if c.get("--skip-first-run") != "true" {
				return nil, errors.New("a run would begin before anything is there")
			}
			return c.add("pipeline", object{"id": len(c.Things["pipeline"]) + 1, "name": c.get("--name"), "path": c.get("--yml-path")}, "name")
		},
	},
	"pipelines variable-group list": {options: "--group-name --action-filter --action --top --continuation-token --query-order" + project, do: list("variables", map[string]string{"name": "--group-name"})},
	"pipelines variable-group create": {options: "--name! --variables!* --description --authorize" + project, changes: true, do: func(c call) (any, error) {
		return c.add("variables", object{"name": c.get("--name"), "variables": c.pairs("--variables")}, "name")
	}},
	"devops service-endpoint list": {options: project, do: list("endpoint", nil)},
	"devops service-endpoint create": {options: "--service-endpoint-configuration! --encoding" + project, changes: true, do: func(c call) (any, error) {
		endpoint, err := c.file("--service-endpoint-configuration")
		if err != nil {
			return nil, err
		}
		// Azure DevOps sets the issuer and the subject:
		// https://learn.microsoft.com/azure/devops/pipelines/release/automate-service-connections
		if authorization := endpoint["authorization"].(object); authorization["scheme"] == "WorkloadIdentityFederation" {
			parameters := authorization["parameters"].(object)
			if parameters["serviceprincipalid"] == "" || parameters["tenantid"] == "" {
				return nil, errors.New("a connection needs an identity")
			}
			parameters["workloadIdentityFederationIssuer"] = "https://login.microsoftonline.com/tenant-1/v2.0"
			parameters["workloadIdentityFederationSubject"] = fmt.Sprintf("/eid1/c/pub/t/x/a/y/sc/org/%s", endpoint["name"])
		}
		return c.add("endpoint", endpoint, "name")
	}},
	"devops invoke": {
		options: "--area --resource --route-parameters* --query-parameters* --api-version --http-method --in-file --encoding --media-type --accept-media-type --out-file" + devops,
		do:      invoke,
	},
}

func (c call) inGroup(kind string, thing object) (any, error) {
	if len(c.with("group", object{"name": c.get("--resource-group")})) == 0 {
		return nil, errors.New("(ResourceGroupNotFound) no such group")
	}
	thing["group"] = c.get("--resource-group")
	return c.add(kind, thing, "name")
}

// rest stores a body at its address, and lists the bodies below one.
func rest(c call) (any, error) {
	address, err := url.Parse(c.get("--url"))
	if err != nil {
		return nil, err
	}
	if address.Host == "management.azure.com" && address.Query().Get("api-version") == "" {
		return nil, errors.New("(MissingApiVersionParameter) the api-version query parameter is required")
	}
	folder, name := address.Path, ""
	if method := strings.ToLower(c.get("--method")); method == "put" {
		folder, name = filepath.Split(address.Path)
		folder = strings.TrimSuffix(folder, "/")
	} else if method != "post" {
		if vault, _, ok := strings.Cut(folder, "/keys"); ok && len(c.with("vault", object{"name": filepath.Base(vault)})) == 0 {
			return nil, errors.New("(ResourceNotFound) no such vault")
		}
		return object{"value": c.with("rest", object{"folder": folder})}, nil
	}
	var body object
	if err := json.Unmarshal([]byte(c.get("--body")), &body); err != nil {
		return nil, err
	}
	body["folder"] = folder
	if name != "" {
		body["name"] = name
	}
	c.changed("rest " + folder)
	return c.add("rest", body)
}

func (c call) changed(what string) { c.Calls = append(c.Calls, what) }

// invoke implements the areas and resources of Azure DevOps' REST API that the script calls:
// https://learn.microsoft.com/rest/api/azure/devops. Those of IMS and Security are assumed.
func invoke(c call) (any, error) {
	if _, err := strconv.ParseFloat(strings.ReplaceAll(c.get("--api-version"), "-preview", ""), 64); err != nil {
		return nil, err // as the extension does: dev/team/invoke.py
	}
	what, method := strings.ToLower(c.get("--area")+"/"+c.get("--resource")), c.get("--http-method")
	route, query := c.pairs("--route-parameters"), c.pairs("--query-parameters")
	var body object
	if method != "GET" {
		var err error
		if body, err = c.file("--in-file"); err != nil {
			return nil, err
		}
		c.changed(what)
	}
	switch what + " " + method {
	case "distributedtask/environments GET":
		return object{"value": c.with("environment", nil)}, nil
	case "distributedtask/environments POST":
		body["id"] = len(c.Things["environment"]) + 1
		return c.add("environment", body, "name")
	case "pipelineschecks/configurations GET":
		found := []object{}
		for _, check := range c.Things["check"] {
			if of := check["resource"].(object); of["type"] == query["resourceType"] && of["id"] == query["resourceId"] && query["$expand"] == "settings" {
				found = append(found, check)
			}
		}
		return object{"value": found}, nil
	case "pipelineschecks/configurations POST":
		if of := body["resource"].(object); of["id"] == "" {
			return nil, errors.New("a check of nothing")
		}
		return c.add("check", body)
	case "pipelinepermissions/pipelinepermissions GET":
		if route["resourceId"] == "" {
			return nil, errors.New("permission for nothing")
		}
		return object{"pipelines": c.with("permission", object{"of": fmt.Sprint(route["resourceType"], route["resourceId"])})}, nil
	case "pipelinepermissions/pipelinepermissions PATCH":
		for _, pipeline := range body["pipelines"].([]any) {
			permission := pipeline.(object)
			if permission["id"] == 0.0 {
				return nil, errors.New("permission of nothing")
			}
			permission["of"] = fmt.Sprint(route["resourceType"], route["resourceId"])
			if _, err := c.add("permission", permission, "of", "id"); err != nil {
				return nil, err
			}
		}
		return body, nil
	case "ims/identities GET":
		return object{"value": []any{object{"descriptor": "Microsoft.TeamFoundation.ServiceIdentity;1:Build:" + fmt.Sprint(query["filterValue"])}}}, nil
	case "security/accesscontrollists GET":
		return object{"value": c.with("acl", object{"token": query["token"]})}, nil
	case "security/accesscontrolentries POST":
		entry := body["accessControlEntries"].([]any)[0].(object)
		return c.add("acl", object{"token": body["token"], "acesDictionary": object{entry["descriptor"].(string): entry}}, "token")
	case "hooks/subscriptions GET":
		return object{"value": c.with("hook", nil)}, nil
	case "hooks/subscriptions POST":
		return c.add("hook", body)
	}
	return nil, fmt.Errorf("this double does not know %s %s", what, method)
}

// parse reads the options of a command, and rejects unknown ones.
func parse(args []string, known string) (map[string][]string, error) {
	options, several, needed := map[string][]string{}, map[string]bool{}, []string{}
	names := map[string]bool{}
	for _, word := range strings.Fields(known) {
		name := strings.TrimRight(word, "!*")
		names[name], several[name] = true, strings.HasSuffix(word, "*")
		if strings.Contains(word, "!") && name != "" {
			needed = append(needed, name)
		}
	}
	for i := 0; i < len(args); {
		name := args[i]
		if !strings.HasPrefix(name, "-") && names[""] {
			options[""] = append(options[""], name)
			i++
			continue
		}
		if !names[name] {
			return nil, fmt.Errorf("unrecognized arguments: %s", name)
		}
		for i++; i < len(args) && !strings.HasPrefix(args[i], "--") && (several[name] || len(options[name]) == 0); i++ {
			options[name] = append(options[name], args[i])
		}
		if options[name] == nil {
			options[name] = []string{""}
		}
	}
	for _, name := range needed {
		if len(options[name]) == 0 || options[name][0] == "" {
			return nil, fmt.Errorf("the following arguments are required: %s", name)
		}
	}
	return options, nil
}

// azDouble is az.
func azDouble(args []string, s *store, out io.Writer) error {
	words := 0
	for words < len(args) && !strings.HasPrefix(args[words], "-") {
		words++
	}
	name := strings.Join(args[:words], " ")
	known, ok := azCommands[name]
	if !ok {
		return fmt.Errorf("'%s' is misspelled or not recognized by the system", name)
	}
	options, err := parse(args[words:], known.options)
	if err != nil {
		return err
	}
	c := call{s, options}
	if known.changes {
		c.changed(name)
	}
	answer, err := known.do(c)
	if err != nil {
		return err
	}
	if answer, err = plain(answer); err != nil {
		return err
	}
	if query := c.get("--query"); query != "" {
		if answer, err = jmespath.Search(query, answer); err != nil {
			return err
		}
	}
	if c.get("--output") != "tsv" {
		return json.NewEncoder(out).Encode(answer)
	}
	rows, ok := answer.([]any)
	if !ok {
		rows = []any{answer}
	}
	for _, row := range rows {
		if row != nil {
			fmt.Fprintln(out, row)
		}
	}
	return nil
}

// plain is a value in JSON types.
func plain(value any) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var again any
	err = json.Unmarshal(text, &again)
	return again, err
}

// ghDouble is gh, with the flags of github.com/cli/cli pkg/cmd/api and pkg/cmd/variable.
func ghDouble(args []string, s *store, out io.Writer) error {
	known := map[string]string{
		"api":           "--hostname --method --field* --raw-field* --header* --include --slurp --paginate --input --silent --template --jq --cache --verbose",
		"variable list": "--org --env --repo --json --jq --template",
		"variable set":  "--org --env --repo --body --repos --visibility --env-file",
	}
	name, rest := args[0], args[1:]
	if name == "variable" {
		name, rest = name+" "+args[1], args[2:]
	}
	flags, ok := known[name]
	if !ok {
		return fmt.Errorf("unknown command %q", name)
	}
	options, err := parse(rest, flags+" !") // flags may be anywhere
	if err != nil {
		return err
	}
	first := ""
	if len(options[""]) > 0 {
		first = options[""][0]
	}
	c := call{s, options}
	var answer any
	switch name {
	case "variable list":
		if c.get("--json") != "name,value" {
			return errors.New("without --json, --jq cannot be used")
		}
		answer = c.with("variable", nil)
	case "variable set":
		c.changed("variable " + first)
		if found := c.with("variable", object{"name": first}); len(found) > 0 {
			found[0]["value"] = c.get("--body")
			break
		}
		_, err = c.add("variable", object{"name": first, "value": c.get("--body")})
	default:
		if answer, err = c.gitHub(first); err != nil {
			fmt.Fprintln(out, `{"message": "Not Found", "status": "404"}`) // whatever --jq says
		}
	}
	if err != nil {
		return err
	}
	if answer, err = plain(answer); err != nil || c.get("--jq") == "" {
		return err
	}
	query, err := gojq.Parse(c.get("--jq"))
	if err != nil {
		return err
	}
	for found := query.Run(answer); ; {
		value, ok := found.Next()
		if !ok {
			return nil
		}
		if err, failed := value.(error); failed {
			return err
		}
		fmt.Fprintln(out, value)
	}
}

// gitHub: https://docs.github.com/rest/deployments/environments, .../branch-policies and .../rest/actions/oidc
func (c call) gitHub(path string) (any, error) {
	if login, ok := strings.CutPrefix(path, "users/"); ok {
		return object{"login": login, "id": 583231}, nil
	}
	if path == "repos/acme/shop" {
		return append(c.with("repository", nil), object{"default_branch": "main", "id": 17, "full_name": "acme/shop", "owner": object{"login": "acme", "id": 42}, "visibility": "private"})[0], nil
	}
	if path == "repos/acme/shop/actions/oidc/customization/sub" {
		return append(c.with("subject", nil), object{"use_default": true})[0], nil
	}
	// In a private repository of a free plan, PUT answers 404 (https://github.com/google/go-github/pull/2611); that GET does is assumed.
	path, ok := strings.CutPrefix(path, "repos/acme/shop/environments")
	if !ok || len(c.Things["free"]) > 0 {
		return nil, errors.New("Not Found (HTTP 404)")
	}
	parts := strings.Split(strings.Trim(path, "/"), "/")
	switch method := c.get("--method"); {
	case path == "" && method == "":
		return object{"environments": c.with("environment", nil)}, nil
	case len(parts) == 1 && method == "PUT":
		body, err := c.file("--input")
		if err != nil {
			return nil, err
		}
		c.changed("environment " + parts[0])
		rules := []any{object{"id": 1, "type": "branch_policy"}}
		if reviewers, ok := body["reviewers"].([]any); ok {
			rules = append(rules, object{"id": 2, "type": "required_reviewers", "reviewers": reviewers})
		}
		for _, environment := range c.with("environment", object{"name": parts[0]}) {
			environment["protection_rules"] = rules
			return environment, nil
		}
		return c.add("environment", object{"name": parts[0], "protection_rules": rules}, "name")
	case len(parts) == 2 && parts[1] == "deployment-branch-policies":
		if len(c.with("environment", object{"name": parts[0]})) == 0 {
			return nil, errors.New("Not Found (HTTP 404)")
		}
		if method != "POST" {
			return object{"branch_policies": c.with("branch", object{"environment": parts[0]})}, nil
		}
		c.changed("branch of " + parts[0])
		return c.add("branch", object{"environment": parts[0], "name": c.pairs("--raw-field")["name"]}, "environment", "name")
	}
	return nil, fmt.Errorf("this double does not know %s", path)
}
