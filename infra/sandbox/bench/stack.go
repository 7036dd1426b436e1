//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"example.com/acr-microservices/infra/sandbox/engine"
)

// benchStack is one stack in the world.
type benchStack struct {
	world    *World
	project  string // folder
	name     string
	settings settings
	env      []string // besides the world's
	observed bool     // whether to measure what the processes of its runs use
}

// settings are a stack file's keys under the project's namespace.
type settings map[string]any

// programStack returns the program's stack of that name, with settings.
func (w *World) programStack(ctx context.Context, name string, s settings) (*benchStack, error) {
	st := &benchStack{world: w, project: w.program, name: name}
	err := st.configure(ctx, s)
	return st, err
}

// emptyStack returns the stack of the empty program.
func (w *World) emptyStack(ctx context.Context) (*benchStack, error) {
	st := &benchStack{world: w, project: w.empty, name: "floor", observed: true}
	err := st.configure(ctx, nil)
	return st, err
}

// podlessStack returns a deployed stack of services whose releases have no pods.
func (w *World) podlessStack(ctx context.Context, services int) (*benchStack, error) {
	if st := w.podless[services]; st != nil {
		return st, nil
	}
	w.Console.Status(fmt.Sprintf("  deploying %d services without pods", services))
	st, err := w.newPodlessStack(ctx, fmt.Sprintf("podless-%d", services), services)
	if err != nil {
		return nil, err
	}
	st.env = []string{stateOnce}
	if _, err := st.up(ctx); err != nil {
		return nil, err
	}
	st.env, st.observed = nil, true
	w.podless[services] = st
	return st, nil
}

// newPodlessStack returns such a stack, not deployed yet.
func (w *World) newPodlessStack(ctx context.Context, name string, services int) (*benchStack, error) {
	return w.programStack(ctx, name, settings{
		"environment": name, "chart": settings{"path": "infra/sandbox/bench/chart"},
		"services": sameServices(services, settings{"image": settings{"tag": "1.0.0"}}),
	})
}

// stateOnce makes the engine write the state only at the end, so that a large stack deploys in minutes. Otherwise, the engine
// writes the whole state before and after each step, which grows with the square of the number of services.
const stateOnce = "PULUMI_SKIP_CHECKPOINTS=true"

// sameServices returns services with the same settings.
func sameServices(number int, each settings) settings {
	services := settings{}
	for i := range number {
		services[fmt.Sprintf("service%03d", i)] = each
	}
	return services
}

// configure writes the stack's settings, and creates a missing stack.
func (s *benchStack) configure(ctx context.Context, to settings) error {
	s.settings = to
	config := settings{"azure-native:location": "westeurope", "acr-microservices:registry": settings{"protect": false}}
	for key, value := range to {
		config["acr-microservices:"+key] = value
	}
	path := filepath.Join(s.project, "Pulumi."+s.name+".yaml")
	file := settings{}
	if content, err := os.ReadFile(path); err == nil {
		if err := yaml.Unmarshal(content, &file); err != nil {
			return err
		}
	}
	file["config"] = config // keeps the stack's encryption salt
	content, err := yaml.Marshal(file)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return err
	}
	if s.world.stacks[path] {
		return nil
	}
	s.world.stacks[path] = true
	cmd, output := s.pulumi(ctx, "stack", "init", "--no-select")
	if err := cmd.Run(); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("pulumi stack init: %w\n%s", err, output))
	}
	return nil
}

// retag gives the first service another tag.
func (s *benchStack) retag(ctx context.Context, tag string) error {
	services := maps.Clone(s.settings["services"].(settings))
	services["service000"] = settings{"image": settings{"tag": tag}}
	changed := maps.Clone(s.settings)
	changed["services"] = services
	return s.configure(ctx, changed)
}

func (s *benchStack) preview(ctx context.Context) (run, error) { return s.operate(ctx, "preview") }

func (s *benchStack) up(ctx context.Context) (run, error) {
	return s.operate(ctx, "up", "--yes", "--skip-preview")
}

func (s *benchStack) destroy(ctx context.Context) error {
	_, err := s.operate(ctx, "destroy", "--yes", "--skip-preview")
	return err
}

// state reads the stack's state.
func (s *benchStack) state() (engine.State, error) {
	states, err := engine.States(s.world.Dir)
	for _, state := range states {
		if state.Stack == s.name {
			return state, err
		}
	}
	return engine.State{}, errors.Join(err, fmt.Errorf("no state of the stack %q", s.name))
}
