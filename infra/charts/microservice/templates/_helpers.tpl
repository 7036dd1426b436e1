{{/* Name of the chart, or nameOverride. */}}
{{- define "microservice.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/*
Name of the objects: the release's name and the chart's, or the release's alone when it contains the chart's.
At most 63 characters, because a service name is a DNS label.
*/}}
{{- define "microservice.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "microservice.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "microservice.selectorLabels" -}}
app.kubernetes.io/name: {{ include "microservice.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/*
Labels of a pod. Not the chart's version: a new chart that changes nothing in the pod must not restart it.
The version is the image's tag, where that may be a label at all (no digest, 63 characters).
*/}}
{{- define "microservice.podLabels" -}}
{{- include "microservice.selectorLabels" . }}
{{- $version := .Values.image.tag | splitList "@" | first }}
{{- if regexMatch "^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$" $version }}
app.kubernetes.io/version: {{ $version | quote }}
{{- end }}
{{- end }}

{{- define "microservice.labels" -}}
helm.sh/chart: {{ include "microservice.chart" . }}
{{ include "microservice.podLabels" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "microservice.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "microservice.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/*
Image reference, repository[:tag][@digest].

A caller that knows only repository and tag can pin a digest in two ways: tag "1.0.0@sha256:<hex>", or repository
"<repository>@sha256" with tag "<hex>". Joining with a colon is right for both.
*/}}
{{- define "microservice.image" -}}
{{- $image := .Values.image }}
{{- if not $image.repository }}
{{- fail "image.repository is empty: set it to the image without its tag, such as example.azurecr.io/customerapi" }}
{{- end }}
{{- if not (or $image.tag $image.digest) }}
{{- fail "image.tag and image.digest are both empty: set one, because there is no default tag" }}
{{- end }}
{{- $pinned := hasSuffix "@sha256" $image.repository }}
{{- if and $pinned (not (regexMatch "^[a-f0-9]{64}$" $image.tag)) }}
{{- fail "image.repository ends in @sha256: image.tag must be the 64 hex digits of the digest" }}
{{- end }}
{{- if and $image.digest (or $pinned (contains "@" $image.tag)) }}
{{- fail "image.digest is set, but image.repository and image.tag name a digest already" }}
{{- end }}
{{- $image.repository }}
{{- with $image.tag }}:{{ . }}{{ end }}
{{- with $image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* A probe without the chart's own fields. Values are merged, so the default httpGet stays beside another handler. */}}
{{- define "microservice.probe" -}}
{{- $probe := omit . "enabled" }}
{{- if or (hasKey $probe "tcpSocket") (hasKey $probe "exec") (hasKey $probe "grpc") }}
{{- $probe = omit $probe "httpGet" }}
{{- end }}
{{- toYaml $probe }}
{{- end }}
