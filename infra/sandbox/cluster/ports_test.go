package cluster

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPodLoopback(t *testing.T) {
	assert.Equal(t, "127.155.57.0/24", ports{Apiserver: 39737}.podLoopback())
}
