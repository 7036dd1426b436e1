package node

import (
	"context"
	"os"
	"runtime"
	"strings"

	cadvisorapi "github.com/google/cadvisor/info/v1"
	cadvisorapiv2 "github.com/google/cadvisor/info/v2"
	"golang.org/x/sys/unix"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	kubecontainer "k8s.io/kubernetes/pkg/kubelet/container"
)

// A node's capacity for pods. It is the same on every machine, and so is scheduling: a pod's requests reserve nothing here, and
// its limits are not applied.
const (
	nodeCPUs   = 8
	nodeMemory = 16 << 30 // bytes
)

// hostDouble describes the machine to kubelet, in place of cAdvisor, which reads cgroups.
type hostDouble struct {
	dir string // whose file system is the node's
}

// Start does nothing: nothing is watched.
func (hostDouble) Start() error { return nil }

// MachineInfo describes the node's size.
func (hostDouble) MachineInfo() (*cadvisorapi.MachineInfo, error) {
	return &cadvisorapi.MachineInfo{NumCores: nodeCPUs, MemoryCapacity: nodeMemory}, nil
}

// VersionInfo names the kernel and system in the node's status.
func (hostDouble) VersionInfo() (*cadvisorapi.VersionInfo, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return nil, err
	}
	kernel := strings.TrimRight(string(name.Release[:]), "\x00")
	return &cadvisorapi.VersionInfo{KernelVersion: kernel, ContainerOsVersion: "sandbox on " + runtime.GOOS}, nil
}

// ContainerInfoV2 is empty: nothing is measured.
func (hostDouble) ContainerInfoV2(string, cadvisorapiv2.RequestOptions) (map[string]cadvisorapiv2.ContainerInfo, error) {
	return map[string]cadvisorapiv2.ContainerInfo{}, nil
}

// GetRequestedContainersInfo is empty: nothing is measured.
func (hostDouble) GetRequestedContainersInfo(string, cadvisorapiv2.RequestOptions) (map[string]*cadvisorapi.ContainerInfo, error) {
	return map[string]*cadvisorapi.ContainerInfo{}, nil
}

// ImagesFsInfo describes the node's file system.
func (h hostDouble) ImagesFsInfo(context.Context) (cadvisorapiv2.FsInfo, error) {
	return h.GetDirFsInfo(h.dir)
}

// RootFsInfo describes the node's file system.
func (h hostDouble) RootFsInfo() (cadvisorapiv2.FsInfo, error) { return h.GetDirFsInfo(h.dir) }

// ContainerFsInfo describes the node's file system.
func (h hostDouble) ContainerFsInfo(context.Context) (cadvisorapiv2.FsInfo, error) {
	return h.GetDirFsInfo(h.dir)
}

// GetDirFsInfo describes the file system of a directory.
func (hostDouble) GetDirFsInfo(path string) (cadvisorapiv2.FsInfo, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return cadvisorapiv2.FsInfo{}, err
	}
	block := uint64(st.Bsize)
	return cadvisorapiv2.FsInfo{
		Mountpoint: path,
		Capacity:   st.Blocks * block,
		Available:  st.Bavail * block,
		Usage:      (st.Blocks - st.Bfree) * block,
		Inodes:     &st.Files,
		InodesFree: &st.Ffree,
	}, nil
}

// containerManager is kubelet's own stub, which manages no cgroups, with the disk's size added.
type containerManager struct {
	cm.ContainerManager
	host hostDouble
}

func newContainerManager(host hostDouble) cm.ContainerManager {
	return containerManager{cm.NewStubContainerManager(), host}
}

// GetCapacity returns the node's ephemeral storage.
func (m containerManager) GetCapacity(bool) v1.ResourceList {
	info, err := m.host.RootFsInfo()
	if err != nil {
		return v1.ResourceList{}
	}
	return v1.ResourceList{v1.ResourceEphemeralStorage: *resource.NewQuantity(int64(info.Capacity), resource.BinarySI)}
}

// legacyLogs is where kubelet links container logs for old log collectors; creating it requires root.
const legacyLogs = "/var/log/containers"

// osDouble is the real operating system without legacyLogs.
type osDouble struct{ kubecontainer.RealOS }

// MkdirAll makes a directory, except for legacyLogs.
func (o osDouble) MkdirAll(path string, perm os.FileMode) error {
	if strings.HasPrefix(path, legacyLogs) {
		return nil
	}
	return o.RealOS.MkdirAll(path, perm)
}

// Symlink makes a link, except in legacyLogs.
func (o osDouble) Symlink(oldname, newname string) error {
	if strings.HasPrefix(newname, legacyLogs) {
		return nil
	}
	return o.RealOS.Symlink(oldname, newname)
}

// Glob lists files, except in legacyLogs: kubelet would delete links that it treats as its own.
func (o osDouble) Glob(pattern string) ([]string, error) {
	if strings.HasPrefix(pattern, legacyLogs) {
		return nil, nil
	}
	return o.RealOS.Glob(pattern)
}
