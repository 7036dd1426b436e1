//go:build linux

package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"gopkg.in/yaml.v3"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
	"example.com/acr-microservices/infra/sandbox/daemon"
	"example.com/acr-microservices/infra/sandbox/engine"
	"example.com/acr-microservices/infra/sandbox/progress"
)

// faultScenario is one kind of failure: an update meets the fault, the fault is removed, and the next update must recover.
type faultScenario struct {
	name  string
	fault string // description for users
	// fresh scenarios create a stack and destroy it at the end; others change the existing one.
	fresh bool
	flags updateFlags // of the update that meets the fault
	// config is for both updates, besides the flags.
	config map[string]string
	// arrange causes the fault before the update; lift removes it in any case.
	arrange, lift func(context.Context, *faultRun) error
	// during breaks something while the update runs. It chooses the moment itself.
	during func(context.Context, *faultRun) error
	// seen is the part of the failed update's output that the user sees. Empty: the update succeeds.
	seen string
	// person describes the manual step before or instead of the next plain update; act does it. Empty: none.
	person string
	act    func(context.Context, *faultRun) error
	// refresh runs the next update with --refresh, which person mentions.
	refresh bool
	// needs returns why this machine cannot run it, or nothing.
	needs func() string
}

// outcome is the result of a scenario: a row of the table.
type outcome struct {
	scenario faultScenario
	skipped  string
	wrong    []string // unexpected results
	lost     []string // missing, or left behind
}

func (o outcome) row() []string {
	seen, recovered, lost := "nothing", "needs nothing", "nothing"
	if o.scenario.seen != "" {
		seen, recovered = "`"+o.scenario.seen+"`", "by the next `up`"
	}
	if o.scenario.person != "" {
		recovered = "by hand: " + o.scenario.person
	}
	if len(o.lost) > 0 {
		lost = strings.Join(o.lost, ", ")
	}
	if len(o.wrong) > 0 {
		recovered = "NO: " + strings.Join(o.wrong, "; ")
	}
	if o.skipped != "" {
		seen, recovered, lost = "skipped: "+o.skipped, "", ""
	}
	return []string{o.scenario.fault, seen, recovered, lost}
}

// faultRun is a sandbox that runs scenarios.
type faultRun struct {
	*sandbox
	transcripts string         // folder for the updates' output; empty: none
	services    *daemon.Client // of the current scenario
	baseline    []string       // the resources of the default stack
	webhook     *http.Server   // rejects changes; can be nil
}

// freshStack is the stack that fresh scenarios create.
const freshStack = "fresh"

// faults runs all scenarios, or only some, and shows the results.
func (sb *sandbox) faults(ctx context.Context, only []string, transcripts string) (err error) {
	scenarios, err := chosen(only)
	if err != nil {
		return err
	}
	if _, err := os.Stat(sb.dir); err == nil {
		return fmt.Errorf("there is a sandbox %q: %s", sb.name, sb.hint("down", "--force"))
	}
	r := &faultRun{sandbox: sb, transcripts: transcripts}
	project := sb.dir + "-project"
	if err := faultProject(sb.project, project); err != nil {
		return errors.Join(err, os.RemoveAll(project))
	}
	sb.project = project
	defer func() {
		// Clean up even if the context is canceled.
		err = errors.Join(err, r.quietly(context.WithoutCancel(ctx), func(ctx context.Context, sb *sandbox) error {
			return sb.down(ctx, true, false)
		}), os.RemoveAll(project))
	}()

	began := time.Now()
	sb.Status("  bringing up the stack that the faults are injected into")
	if _, err := r.up(ctx, defaultStack, updateFlags{}); err != nil {
		return err
	}
	if r.baseline, err = r.resources(); err != nil {
		return err
	}
	var outcomes []outcome
	for i, s := range scenarios {
		sb.Status(fmt.Sprintf("  %d of %d: %s", i+1, len(scenarios), s.fault))
		start := time.Now()
		o := r.play(ctx, s)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		sb.Printf("  %-24s %-6s %s", s.name, progress.Elapsed(start), strings.Join(append(append([]string{}, o.wrong...), o.skipped), " "))
		outcomes = append(outcomes, o)
	}
	sb.Status("")
	return sb.report(outcomes, time.Since(began))
}

// chosen returns the named scenarios, or all.
func chosen(only []string) ([]faultScenario, error) {
	all := faultScenarios()
	if len(only) == 0 {
		return all, nil
	}
	names := faultNames()
	for _, name := range only {
		if !slices.Contains(names, name) {
			return nil, unknown("fault", name, names)
		}
	}
	return slices.DeleteFunc(all, func(s faultScenario) bool { return !slices.Contains(only, s.name) }), nil
}

// faultNames are the names of all scenarios.
func faultNames() []string {
	var names []string
	for _, s := range faultScenarios() {
		names = append(names, s.name)
	}
	return names
}

// listFaults shows the scenarios' names and faults.
func (sb *sandbox) listFaults() error {
	type named struct {
		Name  string `json:"name"`
		Fault string `json:"fault"`
	}
	reports := []named{}
	for _, s := range faultScenarios() {
		reports = append(reports, named{s.name, s.fault})
		if sb.json == nil {
			sb.Printf("%-24s %s", s.name, s.fault)
		}
	}
	return sb.writeJSON(reports)
}

// faultReport is the result of a scenario, as JSON.
type faultReport struct {
	Name      string   `json:"name"`
	Fault     string   `json:"fault"`
	Seen      string   `json:"seen,omitempty"`
	Recovered bool     `json:"recovered"`
	Person    string   `json:"byHand,omitempty"`
	Skipped   string   `json:"skipped,omitempty"`
	Lost      []string `json:"lost,omitempty"`
	Wrong     []string `json:"wrong,omitempty"`
}

func (o outcome) report() faultReport {
	return faultReport{
		Name: o.scenario.name, Fault: o.scenario.fault, Seen: o.scenario.seen, Recovered: o.skipped == "" && len(o.wrong) == 0,
		Person: o.scenario.person, Skipped: o.skipped, Lost: o.lost, Wrong: o.wrong,
	}
}

// report prints the table, and returns an error if any result is unexpected.
func (sb *sandbox) report(outcomes []outcome, took time.Duration) error {
	var seen, recovered, skipped, lost, wrong int
	sb.Printf("\n| fault | seen | recovered | lost |\n| --- | --- | --- | --- |")
	for _, o := range outcomes {
		sb.Printf("| %s |", strings.Join(o.row(), " | "))
		lost += len(o.lost)
		switch {
		case o.skipped != "":
			skipped++
			continue
		case len(o.wrong) > 0:
			wrong++
		default:
			recovered++
		}
		if o.scenario.seen != "" {
			seen++
		}
	}
	sb.Printf("\n%d faults: %d seen, %d recovered, %d lost, %d skipped (%s)",
		len(outcomes), seen, recovered, lost, skipped, took.Round(time.Second))
	reports := []faultReport{}
	for _, o := range outcomes {
		reports = append(reports, o.report())
	}
	if err := sb.writeJSON(reports); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d faults were not recovered from as expected", wrong)
	}
	return nil
}

// play runs one scenario.
func (r *faultRun) play(ctx context.Context, s faultScenario) (o outcome) {
	o.scenario = s
	if s.needs != nil {
		if o.skipped = s.needs(); o.skipped != "" {
			return o
		}
	}
	fail := func(doing string, err error) {
		if err != nil {
			o.wrong = append(o.wrong, doing+": "+err.Error())
		}
	}
	services, err := daemon.Connect(ctx, r.dir)
	if err != nil {
		fail("sandbox", err)
		return o
	}
	r.services = services
	defer func() { r.services.Close() }()

	name := defaultStack
	if s.fresh {
		name = freshStack
	}
	if s.arrange != nil {
		if err := s.arrange(ctx, r); err != nil {
			fail("arrange", err)
			if s.lift != nil {
				fail("lift", s.lift(ctx, r))
			}
			return o
		}
	}
	out, err := r.upDuring(ctx, name, s)
	fail("transcript", r.keep(s.name, out))
	fail("what is seen", judge(s, out, err))
	if s.lift != nil {
		fail("lift", s.lift(ctx, r))
	}
	if s.act != nil {
		fail("by hand", s.act(ctx, r))
	}
	if out, err := r.up(ctx, name, updateFlags{config: s.config, refresh: s.refresh}); err != nil {
		fail("the next up", fmt.Errorf("%w\n%s", err, out))
	}
	if o.lost, err = r.audit(ctx); err != nil {
		fail("audit", err)
	}
	if len(o.lost) > 0 {
		fail("audit", errors.New(strings.Join(o.lost, ", ")))
	}
	if s.fresh {
		fail("destroy", r.quietly(ctx, func(ctx context.Context, sb *sandbox) error {
			sb.stack = freshStack
			return sb.downStack(ctx, false)
		}))
	}
	return o
}

// upDuring runs the update that meets the fault, and the scenario's during in parallel.
func (r *faultRun) upDuring(ctx context.Context, name string, s faultScenario) (string, error) {
	flags := s.flags
	flags.config = maps.Clone(s.config)
	if flags.config == nil {
		flags.config = map[string]string{}
	}
	maps.Copy(flags.config, s.flags.config)
	if s.during == nil {
		return r.up(ctx, name, flags)
	}
	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	struck := make(chan error, 1)
	go func() { struck <- s.during(watch, r) }()
	out, err := r.up(ctx, name, flags)
	cancel()
	return out, errors.Join(err, <-struck)
}

// judge compares the update's result with the expected one.
func judge(s faultScenario, out string, err error) error {
	switch {
	case s.seen == "" && err != nil:
		return fmt.Errorf("the update should have succeeded: %w\n%s", err, out)
	case s.seen != "" && err == nil:
		return fmt.Errorf("the update should have failed\n%s", out)
	case !strings.Contains(out, s.seen):
		return fmt.Errorf("%q is not in what the update says:\n%s", s.seen, out)
	case strings.Contains(out, ": struck 0 of"):
		return fmt.Errorf("the fault has not struck:\n%s", out)
	}
	return nil
}

// keep saves the output of an update.
func (r *faultRun) keep(name, out string) error {
	if r.transcripts == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(r.transcripts, name), []byte(out), 0o600)
}

// up runs an update and returns its output.
func (r *faultRun) up(ctx context.Context, name string, flags updateFlags) (string, error) {
	var out bytes.Buffer
	sb := *r.sandbox
	sb.Console, sb.stack = progress.New(&out), name
	err := sb.up(ctx, flags)
	if err != nil {
		fmt.Fprintf(&out, "error: %v\n", err)
	}
	return out.String(), err
}

// quietly calls do, and returns the sandbox's output only in its error.
func (r *faultRun) quietly(ctx context.Context, do func(context.Context, *sandbox) error) error {
	var out bytes.Buffer
	sb := *r.sandbox
	sb.Console = progress.New(&out)
	if err := do(ctx, &sb); err != nil {
		return fmt.Errorf("%w\n%s", err, out.String())
	}
	return nil
}

// audit returns what is lost (only in a stack or the baseline) or left behind (only in Azure or the cluster).
func (r *faultRun) audit(ctx context.Context) ([]string, error) {
	if err := r.reconnect(ctx); err != nil {
		return nil, err
	}
	info, err := r.services.Info(ctx)
	if err != nil {
		return nil, err
	}
	known, err := engine.Known(r.dir)
	if err != nil {
		return nil, err
	}
	lost := strays(info.Inventory, idsOf(known))
	for _, k := range known {
		if inAzure(k) && !slices.Contains(info.Inventory, string(k.ID)) {
			lost = append(lost, "no "+string(k.ID))
		}
	}
	inCluster, err := r.auditCluster(ctx, info, namespaces(known))
	lost = append(lost, inCluster...)
	resources, err2 := r.resources()
	for _, urn := range r.baseline {
		if !slices.Contains(resources, urn) {
			lost = append(lost, "no "+urn)
		}
	}
	return lost, errors.Join(err, err2)
}

func inAzure(r apitype.ResourceV3) bool {
	return r.Custom && !r.External && r.ID != "" && (strings.HasPrefix(string(r.Type), "azure-native:") || strings.HasPrefix(string(r.Type), "azuread:"))
}

// auditCluster audits the cluster.
func (r *faultRun) auditCluster(ctx context.Context, info daemon.Info, wanted map[string]bool) (lost []string, err error) {
	kube := r.kubectl(info)
	objects, err := kube.namespacesAndSecrets(ctx)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{} // by kind, namespace and name
	for _, o := range objects {
		m := o.Metadata
		there[o.Kind+" "+m.Namespace+"/"+m.Name] = true
		switch {
		case o.Kind == "Namespace" && m.Name != "default" && !strings.HasPrefix(m.Name, "kube-") && !wanted[m.Name]:
			lost = append(lost, "namespace "+m.Name)
		case m.Labels["owner"] == "helm" && slices.Contains(unfinished, m.Labels["status"]):
			lost = append(lost, "unfinished "+m.Name)
		}
	}
	for name := range wanted {
		switch {
		case !there["Namespace /"+name]:
			lost = append(lost, "no namespace "+name)
		case !there["Secret "+name+"/acr-secret"]:
			lost = append(lost, "no pull secret in "+name)
		}
	}
	pods, err := kube.pods(ctx, map[string]bool{victim: true})
	if len(pods) == 0 {
		lost = append(lost, "no pod in "+victim)
	}
	for _, p := range pods {
		if p.Status != "Running" {
			lost = append(lost, p.Name+" is "+p.Status)
		}
	}
	return lost, err
}

// resources returns the URNs of the default stack's resources.
func (r *faultRun) resources() ([]string, error) {
	known, err := engine.Known(r.dir)
	var urns []string
	for _, k := range known {
		if k.URN.Stack().Name().String() == defaultStack {
			urns = append(urns, string(k.URN))
		}
	}
	return urns, err
}

// reconnect connects again after the sandbox was killed.
func (r *faultRun) reconnect(ctx context.Context) error {
	r.services.Close()
	services, err := daemon.Connect(ctx, r.dir)
	if err == nil {
		r.services = services
	}
	return err
}

// faultProject mirrors project to dir, with stacks for the scenarios.
func faultProject(project, dir string) error {
	if err := engine.Mirror(project, dir, ""); err != nil {
		return err
	}
	type m = map[string]any
	for name, settings := range map[string]m{
		// After Helm is killed, the next update waits for the release's timeout.
		defaultStack: {
			"environment": "main", "services": m{"customerapi": m{"image": m{"tag": "1.0.0"}}}, "release": m{"timeoutSeconds": 30},
			"registry": m{"protect": false},
		},
		// Without an image there is no release, so the stack is created quickly.
		freshStack: {"environment": freshStack, "services": m{"customerapi": m{}}, "registry": m{
			"protect": false, "webhooks": m{"notifyci": m{"serviceUri": "https://ci.example.com/images", "actions": []string{"push"}}},
		}},
	} {
		config := m{"azure-native:location": "westeurope"}
		for key, value := range settings {
			config["acr-microservices:"+key] = value
		}
		content, err := yaml.Marshal(m{"config": config})
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, "Pulumi."+name+".yaml"), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// rule parses an Azure fault in the list of scenarios.
func rule(text string) faultRules {
	r, err := azuredouble.ParseFaultRule(text)
	if err != nil {
		panic(err) // a mistake in the list; every test finds it
	}
	return faultRules{r}
}
