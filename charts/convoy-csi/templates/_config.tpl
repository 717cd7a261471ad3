{{/* (list $ $group) */}}
{{- define "convoy.nodeName" -}}
{{- $group := index . 1 -}}
{{ include "convoy.fullname" (index . 0) }}-node{{ if $group.name }}-{{ $group.name }}{{ end }}
{{- end -}}

{{/* (list $ $group) */}}
{{- define "convoy.nodeConfig" -}}
{{- $ := index . 0 -}}
{{- $group := index . 1 -}}
{{- $names := list -}}
{{- range $group.pools -}}{{- $names = append $names .name -}}{{- end -}}
driverName: {{ $.Values.driverName }}
root: {{ $.Values.root }}
http:
  listen: ':9808'
log:
  level: {{ $.Values.logLevel }}
kubelet:
  directory: {{ include "convoy.kubeletDir" $ }}
agent:
  listen: ':9809'
  controllerCertificateFile: /etc/convoy/controller/controller.crt
  tokenFile: /var/run/secrets/convoy-csi/token
{{- if has $.Values.defaultPool $names }}
defaultPool: {{ $.Values.defaultPool }}
{{- end }}
{{ include "convoy.poolsForDaemon" $group }}
{{- end -}}

{{- define "convoy.controllerConfig" -}}
{{- $name := include "convoy.fullname" . -}}
driverName: {{ .Values.driverName }}
root: {{ .Values.root }}
http:
  listen: ':9808'
log:
  level: {{ .Values.logLevel }}
controller:
  kubernetes:
    namespace: {{ .Release.Namespace }}
    service: {{ $name }}-agents
    serviceAccount: {{ $name }}-node
    identitySecret: {{ $name }}-controller-identity
    certificateConfigMap: {{ $name }}-controller-certificate
    goneNodesConfigMap: {{ $name }}-gone-nodes
    lease: {{ $name }}-controller
{{- with .Values.defaultPool }}
defaultPool: {{ . }}
{{- end }}
{{ include "convoy.poolsForDaemon" (include "convoy.allPools" . | fromYaml) }}
{{- end -}}
