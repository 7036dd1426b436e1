package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
)

// deployedCommand finds the run that was last deployed to a stack, and sets the variable deployedRun to its id.
func deployedCommand(flags *flag.FlagSet) func(io.Writer) error {
	stack := flags.String("stack", "", "name of the stack")
	return func(out io.Writer) error {
		if err := required(map[string]string{"stack": *stack}); err != nil {
			return err
		}
		run, err := hostOf(os.Getenv).deployedRun(*stack)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "run %d was the last one deployed to %s\n##vso[task.setvariable variable=deployedRun]%d\n", run, *stack, run)
		return nil
	}
}

// deployedRun returns the id of the newest run of this pipeline on main that a deployment has tagged, even if it still waits for
// the approval of a further stack or was cancelled there:
// https://learn.microsoft.com/rest/api/azure/devops/build/builds/list
func (h host) deployedRun(stack string) (int, error) {
	if !h.azure {
		return 0, errors.New("this is not a run of Azure Pipelines")
	}
	query := url.Values{
		"definitions": {h.env("SYSTEM_DEFINITIONID")}, "branchName": {"refs/heads/main"}, "tagFilters": {"deployed-" + stack},
		"statusFilter": {"all"}, "queryOrder": {"queueTimeDescending"}, "$top": {"1"},
	}
	var found struct {
		Value []struct {
			ID int `json:"id"`
		} `json:"value"`
	}
	builds := h.env("SYSTEM_COLLECTIONURI") + h.env("SYSTEM_TEAMPROJECTID") + "/_apis/build/builds?" + query.Encode() + "&" + azureVersion
	if err := h.call(http.MethodGet, builds, nil, &found); err != nil {
		return 0, err
	}
	if len(found.Value) == 0 {
		return 0, fmt.Errorf("nothing has been deployed to %s yet, or its run is no longer kept", stack)
	}
	return found.Value[0].ID, nil
}
