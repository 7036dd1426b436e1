// Package v4 has the types of a Chart's arguments that the provider names. See package kubernetes above it.
package v4

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// RepositoryOptsInput is a RepositoryOpts that may still have to be computed.
type RepositoryOptsInput = pulumi.Input

// RepositoryOpts say where a chart comes from.
type RepositoryOpts struct {
	CaFile, CertFile, KeyFile pulumi.AssetOrArchive
	Password, Repo, Username  *string
}

// PostRendererInput is a PostRenderer that may still have to be computed.
type PostRendererInput = pulumi.Input

// PostRenderer is a command that changes a rendered chart.
type PostRenderer struct {
	Args    []string
	Command string
}
