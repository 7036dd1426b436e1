package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const cgroups = "/sys/fs/cgroup"

// cgroupName is the control group of all containers of the cluster in dir: the only part of a node with containerd that
// outlives its processes.
func cgroupName(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return "acr-microservices-" + hex.EncodeToString(sum[:6])
}

// hierarchies returns the roots of control groups, and whether they are version 2.
func hierarchies() (roots []string, unified bool) {
	if _, err := os.Stat(filepath.Join(cgroups, "cgroup.controllers")); err == nil {
		return []string{cgroups}, true
	}
	entries, _ := os.ReadDir(cgroups) // if empty, kubelet reports the problem
	for _, e := range entries {
		if e.IsDir() { // a link is an alias of one of them
			roots = append(roots, filepath.Join(cgroups, e.Name()))
		}
	}
	return roots, false
}

// makeCgroup creates a control group for those of kubelet's pods.
func makeCgroup(name string) error {
	roots, unified := hierarchies()
	if unified {
		// A group gets only the controllers that its parent enables.
		controllers, err := os.ReadFile(filepath.Join(cgroups, "cgroup.controllers"))
		if err != nil {
			return err
		}
		for _, controller := range strings.Fields(string(controllers)) {
			if !slices.Contains([]string{"cpu", "cpuset", "memory", "pids", "hugetlb"}, controller) {
				continue
			}
			if err := os.WriteFile(filepath.Join(cgroups, "cgroup.subtree_control"), []byte("+"+controller), 0); err != nil {
				return fmt.Errorf("control group %s: %w", controller, err)
			}
		}
	}
	for _, root := range roots {
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// removeCgroup removes a control group with its children. Remaining processes are ending.
func removeCgroup(name string) error {
	roots, _ := hierarchies()
	for _, root := range roots {
		var groups []string
		err := filepath.WalkDir(filepath.Join(root, name), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				groups = append(groups, path)
			}
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, group := range slices.Backward(groups) {
			if err := removeGroup(group); err != nil {
				return err
			}
		}
	}
	return nil
}

func removeGroup(path string) error {
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := syscall.Rmdir(path)
		switch {
		case err == nil, errors.Is(err, fs.ErrNotExist):
			return nil
		case !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline):
			return fmt.Errorf("remove control group %s: %w", path, err)
		}
	}
}

// Clean removes what a killed cluster in dir has left outside of dir.
func Clean(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	return removeCgroup(cgroupName(dir))
}
