package azuredouble

import (
	"encoding/base64"
	"fmt"
	"os"
	"reflect"
)

// AKSCluster is the name of the sandbox's cluster, and of its resource group, when it acts as an AKS cluster.
const AKSCluster = "sandbox"

// aksArgs are the arguments of the supported functions that read a cluster.
type aksArgs struct {
	ResourceGroup string `pulumi:"resourceGroupName"`
	Name          string `pulumi:"resourceName"`
}

// aksFunctions read the one cluster. It cannot be created, changed or deleted.
func aksFunctions() []*function {
	args := schemaOf(reflect.TypeFor[aksArgs]())
	credentials := func(name string) func(d *Double, in props) (props, error) {
		return func(d *Double, in props) (props, error) {
			if err := d.findCluster(in); err != nil {
				return nil, err
			}
			kubeconfig, err := os.ReadFile(d.options.Kubeconfig)
			if err != nil {
				return nil, fmt.Errorf("kubeconfig of the sandbox's cluster: %w", err)
			}
			return props{"kubeconfigs": []any{props{"name": name, "value": base64.StdEncoding.EncodeToString(kubeconfig)}}}, nil
		}
	}
	return []*function{
		{
			token: "azure-native:containerservice:getManagedCluster",
			args:  args,
			call: func(d *Double, in props) (props, error) {
				if err := d.findCluster(in); err != nil {
					return nil, err
				}
				return props{
					"name":            AKSCluster,
					"identityProfile": props{"kubeletidentity": props{"objectId": d.current().Kubelet}},
				}, nil
			},
		},
		{token: "azure-native:containerservice:listManagedClusterUserCredentials", args: args, call: credentials("clusterUser"), secret: []string{"kubeconfigs"}},
		{token: "azure-native:containerservice:listManagedClusterAdminCredentials", args: args, call: credentials("clusterAdmin"), secret: []string{"kubeconfigs"}},
	}
}

func (d *Double) findCluster(in props) error {
	group, name := text(in, "resourceGroupName"), text(in, "resourceName")
	if d.options.Kubeconfig == "" || group != AKSCluster || name != AKSCluster {
		return resourceNotFound("Microsoft.ContainerService/managedClusters", name, group)
	}
	return nil
}

// KubeletCredential returns the login of the cluster's nodes to a registry: a fixed user name, and a token from Entra instead
// of a password. Its permissions depend on the roles of their identity.
func (d *Double) KubeletCredential() (username, password string) {
	return tokenUser, d.derive("kubelet")
}
