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

// cgroupName is the name of the control group of all containers of the cluster in dir: the one thing of a node with
// containerd that does not end with its processes.
func cgroupName(dir string) string {
	sum := sha256.Sum256([]byte(dir))
	return "acr-microservices-" + hex.EncodeToString(sum[:6])
}

// hierarchies returns where control groups can be made, and whether they are version 2's.
func hierarchies() (roots []string, unified bool) {
	if _, err := os.Stat(filepath.Join(cgroups, "cgroup.controllers")); err == nil {
		return []string{cgroups}, true
	}
	entries, _ := os.ReadDir(cgroups) // without any, kubelet says what it lacks
	for _, e := range entries {
		if e.IsDir() { // a link is another name of one of them
			roots = append(roots, filepath.Join(cgroups, e.Name()))
		}
	}
	return roots, false
}

// makeCgroup makes a control group in which kubelet can make those of its pods.
func makeCgroup(name string) error {
	roots, unified := hierarchies()
	if unified {
		// Its groups get the controllers that the one above them hands down.
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

// removeCgroup removes a control group with all below it. Processes that are still in one are ending.
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

// Clean removes what a cluster in dir that was killed has left outside of dir.
func Clean(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	return removeCgroup(cgroupName(dir))
}
