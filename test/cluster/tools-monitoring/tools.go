//go:build tools

// Pins the operator for its CRDs, by the smallest package of its module.
package main

import _ "github.com/prometheus-operator/prometheus-operator/pkg/versionutil"
