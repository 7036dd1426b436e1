package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDeployedCommand(t *testing.T) {
	const builds = "GET /acme/shop/_apis/build/builds?%24top=1&branchName=refs%2Fheads%2Fmain&definitions=3" +
		"&queryOrder=queueTimeDescending&statusFilter=all&tagFilters=deployed-"
	server, asked := answering(t, map[string]string{
		builds + "test&api-version=7.1": `{"count": 1, "value": [{"id": 17, "status": "inProgress"}]}`,
		builds + "prod&api-version=7.1": `{"count": 0, "value": []}`,
	})
	for name, value := range azureEnv(server) {
		t.Setenv(name, value)
	}
	t.Setenv("SYSTEM_DEFINITIONID", "3")
	t.Setenv("GITHUB_ACTIONS", "")
	var out bytes.Buffer
	require.NoError(t, run([]string{"deployed", "-stack", "test"}, &out))
	require.Equal(t, "run 17 was the last one deployed to test\n##vso[task.setvariable variable=deployedRun]17\n", out.String())

	out.Reset()
	require.EqualError(t, run([]string{"deployed", "-stack", "prod"}, &out),
		"pipeline deployed: nothing has been deployed to prod yet, or its run is no longer kept")
	require.ErrorContains(t, run([]string{"deployed", "-stack", "else"}, &out), "404 Not Found: ; does the run's identity")
	require.Len(t, *asked, 3)
	t.Setenv("TF_BUILD", "")
	require.EqualError(t, run([]string{"deployed", "-stack", "test"}, &out), "pipeline deployed: this is not a run of Azure Pipelines")
	require.Empty(t, out.String())
}
