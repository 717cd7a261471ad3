//go:build tools

// Package tools pins what the tests need from the Go world: the official proto files that ours are compared with,
// and csi-sanity.
package tools

import (
	_ "github.com/container-storage-interface/spec/lib/go/csi"
	_ "github.com/kubernetes-csi/csi-test/v5/cmd/csi-sanity"
	_ "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)
