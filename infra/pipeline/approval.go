package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// approvalCommand refuses a deployment if the host requires no approval for it: for private repositories, only GitHub Enterprise has
// required reviewers, and an environment that Azure Pipelines created by itself has no checks.
func approvalCommand(flags *flag.FlagSet) func(io.Writer) error {
	environment := flags.String("environment", "", "the environment to which the run deploys")
	without := flags.String("without", "", "true: deploy without an approval")
	return func(out io.Writer) error {
		if err := required(map[string]string{"environment": *environment}); err != nil {
			return err
		}
		h := hostOf(os.Getenv)
		if *without == "true" || !h.azure && !h.gitHub {
			return nil
		}
		find := h.reviewedAzure
		if h.gitHub {
			find = h.reviewedGitHub
		}
		const unapproved = "set the variable deployUnapproved (DEPLOY_UNAPPROVED at GitHub) to true"
		reviewed, err := find(*environment)
		if err != nil {
			return fmt.Errorf("refused, because it cannot be checked whether a deployment to %s requires an approval: %w; to deploy without one, %s",
				*environment, err, unapproved)
		}
		if !reviewed {
			return fmt.Errorf("refused, because a deployment to %s requires no approval: give the environment %s a reviewer, or %s", *environment, *environment, unapproved)
		}
		fmt.Fprintf(out, "a deployment to %s requires an approval\n", *environment)
		return nil
	}
}

// approvalCheck is the type of the check "Approvals": https://learn.microsoft.com/rest/api/azure/devops/approvalsandchecks/check-configurations
const approvalCheck = "8C6F20A7-A545-4486-9777-F762FAFE0D4D"

// reviewedAzure: https://learn.microsoft.com/rest/api/azure/devops/environments/environments/list
func (h host) reviewedAzure(environment string) (bool, error) {
	project := h.env("SYSTEM_COLLECTIONURI") + h.env("SYSTEM_TEAMPROJECTID") + "/_apis/"
	const version = azureVersion + "-preview.1" // there is no other version of these two
	var environments struct {
		Value []struct {
			ID int `json:"id"`
		} `json:"value"`
	}
	if err := h.call(http.MethodGet, project+"distributedtask/environments?name="+url.QueryEscape(environment)+"&"+version, nil, &environments); err != nil {
		return false, err
	}
	if len(environments.Value) != 1 {
		return false, fmt.Errorf("%d environments have that name", len(environments.Value))
	}
	var checks struct {
		Value []struct {
			Type struct {
				ID string `json:"id"`
			} `json:"type"`
			IsDisabled bool `json:"isDisabled"`
		} `json:"value"`
	}
	list := fmt.Sprintf("%spipelines/checks/configurations?resourceType=environment&resourceId=%d&%s", project, environments.Value[0].ID, version)
	if err := h.call(http.MethodGet, list, nil, &checks); err != nil {
		return false, err
	}
	for _, check := range checks.Value {
		if strings.EqualFold(check.Type.ID, approvalCheck) && !check.IsDisabled {
			return true, nil
		}
	}
	return false, nil
}

// reviewedGitHub: https://docs.github.com/rest/deployments/environments
func (h host) reviewedGitHub(environment string) (bool, error) {
	var found struct {
		ProtectionRules []struct {
			Type string `json:"type"`
		} `json:"protection_rules"`
	}
	address := fmt.Sprintf("%s/repos/%s/environments/%s", h.env("GITHUB_API_URL"), h.env("GITHUB_REPOSITORY"), url.PathEscape(environment))
	if err := h.call(http.MethodGet, address, nil, &found); err != nil {
		return false, err
	}
	for _, rule := range found.ProtectionRules {
		if rule.Type == "required_reviewers" {
			return true, nil
		}
	}
	return false, nil
}
