package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"
)

// renewal is how often the Azure CLI signs in again. The hosts' tokens are valid for 5 to 10 minutes, and the Azure CLI requests
// each further access token with the last one that it got. After that time it fails with AADSTS700024.
const renewal = 4 * time.Minute

// signIn signs the Azure CLI in as the run's identity, and renews the login until stop is called: the backend, Key Vault, kubelogin
// and, in Azure DevOps, the providers use that login. A workstation already has one.
//
// The task AzureCLI@2 does the same, but does not forward signals to its script: when someone cancels the run, the engine is
// killed, and leaves a lock and a pending release.
func (h host) signIn() (stop func(), err error) {
	if h.env("AZURE_CLIENT_ID") == "" || !h.azure && !h.gitHub {
		return func() {}, nil
	}
	if err := h.signInOnce(); err != nil {
		return nil, fmt.Errorf("signing in to Azure: %w", err)
	}
	ticker := time.NewTicker(renewal)
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
				if err := h.signInOnce(); err != nil {
					fmt.Fprintln(os.Stderr, "warning: the Azure CLI's login could not be renewed:", err)
				}
			}
		}
	}()
	return func() { ticker.Stop(); close(ended) }, nil
}

func (h host) signInOnce() error {
	token, err := h.idToken()
	if err != nil {
		return err
	}
	for _, args := range [][]string{
		{"login", "--service-principal", "--username", h.env("AZURE_CLIENT_ID"), "--tenant", h.env("AZURE_TENANT_ID"), "--federated-token", token, "--output", "none"},
		{"account", "set", "--subscription", h.env("ARM_SUBSCRIPTION_ID")},
	} {
		if out, err := exec.Command("az", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("az %s: %w: %s", args[0], err, strings.TrimSpace(strings.ReplaceAll(string(out), token, masked)))
		}
	}
	return nil
}

// idToken asks the host for a token that Entra accepts as a login.
func (h host) idToken() (string, error) {
	var answer struct {
		OIDCToken string `json:"oidcToken"` // Azure DevOps
		Value     string `json:"value"`     // GitHub
	}
	if h.gitHub {
		// https://docs.github.com/actions/reference/security/oidc
		address := h.env("ACTIONS_ID_TOKEN_REQUEST_URL") + "&audience=" + url.QueryEscape("api://AzureADTokenExchange")
		err := h.callAs(h.env("ACTIONS_ID_TOKEN_REQUEST_TOKEN"), http.MethodGet, address, nil, &answer)
		return answer.Value, err
	}
	// https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create
	address := h.env("SYSTEM_OIDCREQUESTURI") + "?" + azureVersion + "&serviceConnectionId=" + url.QueryEscape(h.env("AZURE_CONNECTION_ID"))
	err := h.callAs(h.env("SYSTEM_ACCESSTOKEN"), http.MethodPost, address, map[string]any{}, &answer)
	return answer.OIDCToken, err
}
