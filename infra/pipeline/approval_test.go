package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestApprovalCommand(t *testing.T) {
	const (
		environments = "GET /acme/shop/_apis/distributedtask/environments?name=prod&api-version=7.1-preview.1"
		checks       = "GET /acme/shop/_apis/pipelines/checks/configurations?resourceType=environment&resourceId=4&api-version=7.1-preview.1"
		gitHub       = "GET /repos/acme/shop/environments/prod"
	)
	refused := "pipeline approval: refused, because a deployment to prod requires no approval: give the environment prod a reviewer, " +
		"or set the variable deployUnapproved (DEPLOY_UNAPPROVED at GitHub) to true"
	const unknown = "pipeline approval: refused, because it cannot be checked whether a deployment to prod requires an approval: GET http://"
	for name, test := range map[string]struct {
		azure         bool
		answers       map[string]string
		want, printed string
	}{
		"Azure, approval": {
			true,
			map[string]string{environments: `{"value": [{"id": 4}]}`, checks: `{"value": [{"type": {"id": "fe1de3ee"}}, {"type": {"id": "8c6f20a7-a545-4486-9777-f762fafe0d4d"}}]}`},
			"", "a deployment to prod requires an approval\n",
		},
		"Azure, other check": {true, map[string]string{environments: `{"value": [{"id": 4}]}`, checks: `{"value": [{"type": {"id": "fe1de3ee"}}]}`}, refused, ""},
		"Azure, disabled":    {true, map[string]string{environments: `{"value": [{"id": 4}]}`, checks: `{"value": [{"isDisabled": true, "type": {"id": "` + approvalCheck + `"}}]}`}, refused, ""},
		"Azure, unknown":     {true, nil, unknown, ""},
		"GitHub, approval":   {false, map[string]string{gitHub: `{"protection_rules": [{"type": "branch_policy"}, {"type": "required_reviewers"}]}`}, "", "a deployment to prod requires an approval\n"},
		"GitHub, free plan":  {false, map[string]string{gitHub: `{"protection_rules": [{"type": "branch_policy"}]}`}, refused, ""},
		"GitHub, unknown":    {false, nil, unknown, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server, asked := answering(t, test.answers)
			env := gitHubEnv(server)
			if test.azure {
				env = azureEnv(server)
			}
			t.Setenv("TF_BUILD", "")
			t.Setenv("GITHUB_ACTIONS", "")
			for name, value := range env {
				t.Setenv(name, value)
			}
			var out bytes.Buffer
			err := run([]string{"approval", "-environment", "prod"}, &out)
			if test.want != "" {
				require.ErrorContains(t, err, test.want)
				require.ErrorContains(t, err, "set the variable deployUnapproved (DEPLOY_UNAPPROVED at GitHub) to true")
			} else {
				require.NoError(t, err)
			}
			require.Contains(t, out.String(), test.printed)
			before := len(*asked)
			require.NoError(t, run([]string{"approval", "-environment", "prod", "-without", "true"}, &out))
			require.Len(t, *asked, before)
		})
	}
}
