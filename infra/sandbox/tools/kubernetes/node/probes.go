package node

import (
	"context"
	"slices"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
	kubecontainer "k8s.io/kubernetes/pkg/kubelet/container"
	"k8s.io/kubernetes/pkg/kubelet/events"
	"k8s.io/kubernetes/pkg/kubelet/prober"
	"k8s.io/kubernetes/pkg/kubelet/prober/results"
	"k8s.io/kubernetes/pkg/kubelet/status"

	"example.com/acr-microservices/infra/sandbox/tools/kubernetes/cridouble"
)

// probeManager is kubelet's own prober, for which pods have the loopback addresses where their processes listen. kubelet's sync
// loop receives results only from a prober that it created itself. Therefore, probeManager handles them: a change of readiness
// syncs the pod, and a failed liveness or startup probe stops the container, which kubelet then restarts.
type probeManager struct {
	prober.Manager
	statuses *mappedStatuses
	runtime  *cridouble.Runtime
	recorder record.EventRecorder

	liveness, readiness, startup results.Manager
}

// mappedStatuses are the pods' statuses with mapped addresses. Only GetPodStatus works: the prober needs no more.
type mappedStatuses struct {
	status.Manager
	mu       sync.Mutex
	statuses map[types.UID]v1.PodStatus
}

// GetPodStatus returns the last status of a pod.
func (m *mappedStatuses) GetPodStatus(uid types.UID) (v1.PodStatus, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.statuses[uid]
	return s, ok
}

func newProbes(runtime *cridouble.Runtime, recorder record.EventRecorder) *probeManager {
	p := &probeManager{
		statuses:  &mappedStatuses{statuses: map[types.UID]v1.PodStatus{}},
		runtime:   runtime,
		recorder:  recorder,
		liveness:  results.NewManager(),
		readiness: results.NewManager(),
		startup:   results.NewManager(),
	}
	p.Manager = prober.NewManager(p.statuses, p.liveness, p.readiness, p.startup, execRunner{runtime}, recorder)
	return p
}

// execRunner runs the commands of exec probes.
type execRunner struct{ runtime *cridouble.Runtime }

// RunInContainer returns the output of a command, stderr after stdout. A timeout of 0 is none.
func (r execRunner) RunInContainer(ctx context.Context, id kubecontainer.ContainerID, cmd []string, timeout time.Duration) ([]byte, error) {
	out, errOut, err := r.runtime.ExecSync(ctx, id.ID, cmd, timeout)
	return append(out, errOut...), err
}

// UpdatePodStatus notifies the prober of a pod's containers and marks which have started and are ready.
func (p *probeManager) UpdatePodStatus(pod *v1.Pod, podStatus *v1.PodStatus) {
	p.Manager.UpdatePodStatus(pod, podStatus)
	mapped := *podStatus.DeepCopy()
	mapped.PodIP = p.runtime.Dialable(mapped.PodIP)
	p.statuses.mu.Lock()
	defer p.statuses.mu.Unlock()
	p.statuses.statuses[pod.UID] = mapped
}

// CleanupPods stops the probes of all pods but those desired.
func (p *probeManager) CleanupPods(desired map[types.UID]sets.Empty) {
	p.Manager.CleanupPods(desired)
	p.statuses.mu.Lock()
	defer p.statuses.mu.Unlock()
	for uid := range p.statuses.statuses {
		if _, ok := desired[uid]; !ok {
			delete(p.statuses.statuses, uid)
		}
	}
}

// pods is the part of kubelet that receives results.
type pods interface {
	GetPods() []*v1.Pod
	HandlePodSyncs([]*v1.Pod)
}

// start handles results until ctx is done.
func (p *probeManager) start(ctx context.Context, kubelet pods) {
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case u := <-p.readiness.Updates():
				syncPod(kubelet, u)
			case u := <-p.startup.Updates():
				if u.Result == results.Failure {
					p.kill(ctx, kubelet, u, "startup")
				}
				syncPod(kubelet, u)
			case u := <-p.liveness.Updates():
				if u.Result == results.Failure {
					p.kill(ctx, kubelet, u, "liveness")
				}
			}
		}
	}()
}

func find(kubelet pods, uid types.UID) *v1.Pod {
	for _, pod := range kubelet.GetPods() {
		if pod.UID == uid {
			return pod
		}
	}
	return nil
}

func syncPod(kubelet pods, u results.Update) {
	if pod := find(kubelet, u.PodUID); pod != nil {
		kubelet.HandlePodSyncs([]*v1.Pod{pod})
	}
}

// kill stops a container after a failed probe. Its end triggers the pod's next sync, which restarts it if its restart policy
// allows.
func (p *probeManager) kill(ctx context.Context, kubelet pods, u results.Update, kind string) {
	pod := find(kubelet, u.PodUID)
	if pod == nil {
		return
	}
	grace := int64(v1.DefaultTerminationGracePeriodSeconds)
	if g := pod.Spec.TerminationGracePeriodSeconds; g != nil {
		grace = *g
	}
	if c := p.container(pod, u.ContainerID); c != nil {
		probe := c.LivenessProbe
		if kind == "startup" {
			probe = c.StartupProbe
		}
		if probe != nil && probe.TerminationGracePeriodSeconds != nil {
			grace = *probe.TerminationGracePeriodSeconds
		}
		if ref, err := kubecontainer.GenerateContainerRef(pod, c); err == nil {
			p.recorder.Eventf(ref, v1.EventTypeNormal, events.KillingContainer, "Container %s failed %s probe, will be restarted", c.Name, kind)
		}
	}
	go func() { // stopping takes up to the grace period
		if err := p.runtime.StopContainer(ctx, u.ContainerID.ID, grace); err != nil {
			klog.ErrorS(err, "Stopping an unhealthy container", "pod", klog.KObj(pod), "containerID", u.ContainerID)
		}
	}()
}

// container returns a pod's container by its current id, or nil.
func (p *probeManager) container(pod *v1.Pod, id kubecontainer.ContainerID) *v1.Container {
	s, _ := p.statuses.GetPodStatus(pod.UID)
	for _, cs := range slices.Concat(s.ContainerStatuses, s.InitContainerStatuses) {
		if cs.ContainerID != id.String() {
			continue
		}
		for _, list := range [][]v1.Container{pod.Spec.Containers, pod.Spec.InitContainers} {
			for i := range list {
				if list[i].Name == cs.Name {
					return &list[i]
				}
			}
		}
	}
	return nil
}
