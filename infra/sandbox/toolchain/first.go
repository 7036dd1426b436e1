//go:build linux

package toolchain

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// firstBuild holds what the first build of each program takes: CPU seconds, which "bench cold" measures, and MiB on disk with
// the sources. All of them together were measured with du; their shares are estimated.
var firstBuild = map[string]struct{ cpu, disk int }{
	sandbox.name:    {180, 1300},
	kubernetes.name: {320, 1700},
	provider.name:   {190, 1800},
	pulumi.name:     {180, 1200},
	program.name:    {60, 1600},
}

const (
	// buildMemory is the memory of the largest compiler or linker process in MiB, with some left for the rest of the machine.
	buildMemory = 3 << 10
	// slowest is the longest measured duration of all builds, divided by the shortest, on machines with two processors.
	slowest = 2.5
)

// Prepare announces the first builds, which take minutes, and checks that the machine has enough disk and memory for them.
func (s Source) Prepare(ctx context.Context, installed Installed) error {
	var names []string
	seconds, disk := 0, 0
	for _, b := range []binary{sandbox, kubernetes, provider, pulumi, program} {
		if b.name == pulumi.name && installed.Pulumi != "" || b.name == provider.name && installed.Provider != "" {
			continue
		}
		// A build of another version has left most of it in Go's cache.
		if old, err := filepath.Glob(filepath.Join(s.Cache, b.name+"-*", b.name)); err != nil || len(old) > 0 {
			continue
		}
		names = append(names, b.name)
		seconds, disk = seconds+firstBuild[b.name].cpu, disk+firstBuild[b.name].disk
	}
	if len(names) == 0 {
		return nil
	}
	processors := runtime.NumCPU()
	minutes := 1 + seconds/min(processors, 4)/60
	s.Console.Printf("the first run builds %s: %d to %.0f minutes with %d processors, %.1f GB of disk, %d GB of memory; later runs start in seconds",
		strings.Join(names, ", "), minutes, slowest*float64(minutes), processors, float64(disk)/1000, buildMemory>>10)
	caches := []string{filepath.Dir(s.Cache)}
	out, err := exec.CommandContext(ctx, "go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	return checkRoom(append(caches, strings.Fields(string(out))...), disk, "/proc/meminfo")
}

// checkRoom returns an error if one of the folders has less than disk MiB free, or the machine less than buildMemory available.
func checkRoom(folders []string, disk int, meminfo string) error {
	for _, folder := range folders {
		var stat unix.Statfs_t
		for unix.Statfs(folder, &stat) != nil && folder != "/" { // the folder does not exist yet
			folder = filepath.Dir(folder)
		}
		if free := int(stat.Bavail * uint64(stat.Bsize) >> 20); free < disk {
			return fmt.Errorf("%s has %d MB free, and the first run takes %d MB: make room there, or set GOCACHE and GOMODCACHE to folders"+
				" on a larger disk", folder, free, disk)
		}
	}
	content, err := os.ReadFile(meminfo)
	if err != nil {
		return nil // the memory is unknown
	}
	for line := range strings.Lines(string(content)) {
		available := 0
		if n, _ := fmt.Sscanf(line, "MemAvailable: %d kB", &available); n == 1 && available>>10 < buildMemory {
			return fmt.Errorf("%d MB of memory are available, and the first run takes %d MB: end other programs, or use a larger machine",
				available>>10, buildMemory)
		}
	}
	return nil
}
