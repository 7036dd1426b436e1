//go:build linux

package cli

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"

	"gopkg.in/yaml.v3"

	"example.com/acr-microservices/infra/sandbox/azuredouble"
)

// faultRules are the values of --fault.
type faultRules []azuredouble.FaultRule

func (f *faultRules) Set(text string) error {
	rule, err := azuredouble.ParseFaultRule(text)
	if err != nil {
		return err
	}
	f.add(rule)
	return nil
}

// add appends a rule, and gives it a seed if it needs one and has none.
func (f *faultRules) add(rule azuredouble.FaultRule) {
	if rule.Chance > 0 && rule.Seed == 0 {
		rule.Seed = uint64(rand.Uint32()) + 1 //nolint:gosec // G404: chances, no secrets
	}
	*f = append(*f, rule)
}

func (f *faultRules) String() string {
	var rules []string
	for _, rule := range *f {
		rules = append(rules, rule.String())
	}
	return strings.Join(rules, ", ")
}

func (f *faultRules) Type() string { return "rule" }

// faultFile is the value of --faults: a YAML file with a list of rules, which it adds to the others.
type faultFile struct {
	name  string
	rules *faultRules
}

func (f *faultFile) Set(name string) error {
	f.name = name
	file, err := os.Open(userPath(name))
	if err != nil {
		return err
	}
	defer file.Close()
	rules, err := readFaults(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, rule := range rules {
		f.rules.add(rule)
	}
	return nil
}

func (f *faultFile) String() string { return f.name }
func (f *faultFile) Type() string   { return "file" }

// readFaults reads a list of rules. An unknown key is an error.
func readFaults(r io.Reader) ([]azuredouble.FaultRule, error) {
	decoder := yaml.NewDecoder(r)
	decoder.KnownFields(true)
	var rules []azuredouble.FaultRule
	if err := decoder.Decode(&rules); errors.Is(err, io.EOF) {
		return nil, errors.New("has no rules")
	} else if err != nil {
		return nil, err
	}
	var wrong []error
	for _, rule := range rules {
		wrong = append(wrong, rule.Check())
	}
	return rules, errors.Join(wrong...)
}
