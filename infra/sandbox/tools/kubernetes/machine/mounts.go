package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Dir is the programs' path of the persistent folder. It is short, because a socket's path must be.
const Dir = "/run/sandbox"

// hostSettings are kernel settings that kubelet and the plugin ptp change. They are machine-wide, and a sandbox does not need
// them, so they are written to files in memory.
var hostSettings = []string{
	"kernel/keys/root_maxbytes", "kernel/keys/root_maxkeys", "kernel/panic", "kernel/panic_on_oops",
	"net/ipv4/ip_forward", "vm/overcommit_memory", "vm/panic_on_oom",
}

// prepare mounts the machine's file systems in the namespace.
func prepare(dir string) error {
	const none = 0
	// Later mounts are not visible outside.
	if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := mount("proc", "/proc", "proc", none, ""); err != nil {
		return err
	}
	// It may be in a folder that the next mounts hide.
	stays, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer stays.Close()
	if err := mount("tmpfs", "/run", "tmpfs", none, "mode=0755"); err != nil {
		return err
	}
	const upper, work, settings = "/run/var/upper", "/run/var/work", "/run/settings"
	for _, d := range []string{Dir, upper, work, settings} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	if err := mount(fmt.Sprintf("/proc/self/fd/%d", stays.Fd()), Dir, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	if err := mount("overlay", "/var", "overlay", none, "lowerdir=/var,upperdir="+upper+",workdir="+work); err != nil {
		return err
	}
	for _, name := range hostSettings {
		setting := "/proc/sys/" + name
		value, err := os.ReadFile(setting)
		if err != nil {
			return err
		}
		file := filepath.Join(settings, strings.ReplaceAll(name, "/", "."))
		if err := os.WriteFile(file, value, 0o600); err != nil {
			return err
		}
		if err := mount(file, setting, "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	return nil
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s: %w", target, err)
	}
	return nil
}
