package infra

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/acr-microservices/infra/internal/projecttest"
)

func TestDeployRotates(t *testing.T) {
	t.Parallel()
	begin := time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 30*90) // a period begins
	for _, test := range []struct {
		name, slot string
		at         time.Time
		generation int
		warns      bool
	}{
		{name: "in a period", at: begin, slot: "pull-30"},
		{name: "in the period's last third", at: begin.AddDate(0, 0, 61), slot: "pull-30", warns: true},
		{name: "in the next period", at: begin.AddDate(0, 0, 90), slot: "pull-31"},
		{name: "by hand", at: begin, generation: 2, slot: "pull-30-2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			g, err := deploy(projecttest.ParseStack(t, fmt.Appendf(nil, `
config:
  azure-native:location: westeurope
  acr-microservices:rotation: {asOf: %q, generation: %d}
  acr-microservices:services: {customerapi: {}}`, test.at.Format(time.RFC3339), test.generation)), false)
			require.NoError(t, err)
			content := g.of("kubernetes:core/v1:Secret")["customerapi"].inputs["data"].SecretValue().Element.ObjectValue()[".dockerconfigjson"]
			if content.IsSecret() {
				content = content.SecretValue().Element
			}
			login, err := base64.StdEncoding.DecodeString(content.StringValue())
			require.NoError(t, err)
			require.Contains(t, string(login), testPassword+" "+test.slot)
			require.Equal(t, test.warns, strings.Contains(strings.Join(g.log, "\n"), "the first update from 2027-08-22 on replaces it"), g.log)
		})
	}
}
