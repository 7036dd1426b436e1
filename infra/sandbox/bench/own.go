package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"time"
)

// ownCPU runs the program with so many services against the SDK's mock of an engine, and returns the CPU time of that process. It
// is one that has nothing else in its memory, where the garbage collector would count it in.
func ownCPU(ctx context.Context, project, mocked string, services int) (time.Duration, error) {
	text, err := json.Marshal(sameServices(services, settings{"image": settings{"tag": "1.0.0"}}))
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, mocked)
	cmd.Dir = project // where the program and its relative paths are at home
	cmd.Stdin = bytes.NewReader(text)
	if output, err := cmd.CombinedOutput(); err != nil {
		return 0, errors.Join(ctx.Err(), fmt.Errorf("the program with mocks: %w\n%s", err, output))
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}

// ownCPUOfEach is by how much [ownCPU] grows with each service, from one to so many, in milliseconds: without the start of the
// process. It is the median of both, measured in turns.
func ownCPUOfEach(ctx context.Context, o Options, services int) (float64, error) {
	seen := map[int][]float64{}
	for range o.repeat(5) {
		for _, n := range []int{1, services} {
			used, err := ownCPU(ctx, o.Project, o.World.mocked, n)
			if err != nil {
				return 0, err
			}
			seen[n] = append(seen[n], milliseconds(used))
		}
	}
	return (median(seen[services]) - median(seen[1])) / float64(services-1), nil
}
