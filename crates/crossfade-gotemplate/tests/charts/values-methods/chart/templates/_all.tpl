{{- define "v00" }}{{ if false }}{{ $z = 2 }}{{ end }}x{{ end -}}
{{- define "v01" }}{{ if false }}{{ range $i = .Values.l }}{{ $i }}{{ end }}{{ end }}x{{ end -}}
{{- define "v02" }}{{ with $z := 1 }}{{ $z = 2 }}{{ $z }}{{ end }}{{ end -}}
{{- define "v03" }}{{ if false }}{{ $z = 2 }}{{ $z }}{{ end }}{{ end -}}
{{- define "v04" }}{{ typeOf .Values }} {{ kindOf .Values }}{{ end -}}
{{- define "v05" }}{{ .Values.AsMap | toJson }}{{ end -}}
{{- define "v06" }}{{ .Values.Table "m" | toJson }}{{ end -}}
{{- define "v07" }}{{ .Values.Table "m.a" | toJson }}{{ end -}}
{{- define "v08" }}{{ .Values.YAML }}{{ end -}}
{{- define "v09" }}{{ .Values.PathValue "m.b" }}{{ end -}}
{{- define "v10" }}{{ .Values.PathValue "s" }}{{ end -}}
{{- define "v11" }}{{ .Values.Nope }}{{ end -}}
{{- define "v12" }}{{ typeOf .Values.m }} {{ typeOf (.Values.Table "m") }}{{ end -}}
{{- define "v13" }}{{ (.Values.Table "m").AsMap | toJson }}{{ end -}}
{{- define "v14" }}{{ .Values | toYaml }}{{ end -}}
{{- define "v15" }}{{ .Values | toJson }}{{ end -}}
{{- define "v16" }}{{ printf "%v %T %s %#v" .Values .Values .Values .Values }}{{ end -}}
{{- define "v17" }}{{ kindIs "map" .Values }} {{ typeIs "map[string]interface {}" .Values }}{{ end -}}
{{- define "v18" }}{{ $_ := set .Values "new" 1 }}{{ .Values.new }}{{ end -}}
{{- define "v19" }}{{ merge .Values (dict "q" 1) | toJson }}{{ end -}}
{{- define "v20" }}{{ merge (dict "q" 1) .Values | toJson }}{{ end -}}
{{- define "v21" }}{{ typeOf (merge .Values (dict "q" 1)) }}{{ end -}}
{{- define "v22" }}{{ typeOf (deepCopy .Values) }} {{ typeOf (omit .Values "m") }} {{ typeOf (pick .Values "m") }}{{ end -}}
{{- define "v23" }}{{ dig "m" "b" 5 .Values.AsMap }}{{ end -}}
{{- define "v24" }}{{ typeOf (mustMergeOverwrite .Values (dict "q" 1)) }}{{ end -}}
{{- define "v25" }}{{ typeOf .Release }} {{ typeOf .Template }} {{ typeOf .Subcharts }} {{ typeOf . }} {{ typeOf .Chart }} {{ typeOf .Files }} {{ typeOf .Capabilities }}{{ end -}}
{{- define "v26" }}{{ typeOf .Chart.Maintainers }} {{ typeOf .Chart.Annotations }} {{ typeOf .Chart.Dependencies }} {{ kindOf .Chart }} {{ kindOf .Capabilities }}{{ end -}}
{{- define "v27" }}{{ typeOf .Capabilities.APIVersions }} {{ typeOf .Capabilities.KubeVersion }} {{ typeOf .Capabilities.HelmVersion }}{{ end -}}
{{- define "v28" }}{{ .Capabilities.APIVersions.Has "v1" }} {{ .Capabilities.KubeVersion.String }} {{ .Capabilities.KubeVersion.GitVersion }}{{ end -}}
{{- define "v29" }}{{ .Capabilities.Copy.KubeVersion }}{{ end -}}
{{- define "v30" }}{{ typeOf .Capabilities.Copy }}{{ end -}}
{{- define "v31" }}{{ .Chart.Metadata.Name }}{{ end -}}
{{- define "v32" }}{{ toJson .Chart }}{{ end -}}
{{- define "v33" }}{{ .Chart }}{{ end -}}
{{- define "v34" }}{{ toJson .Capabilities.KubeVersion }} {{ toJson .Capabilities.HelmVersion }}{{ end -}}
{{- define "v35" }}{{ toYaml .Capabilities.HelmVersion }}{{ end -}}
{{- define "v36" }}{{ .Capabilities.HelmVersion.GoVersion }} {{ .Capabilities.HelmVersion.GitCommit }}{{ end -}}
{{- define "v37" }}{{ .Capabilities.HelmVersion }}{{ end -}}
{{- define "v38" }}{{ range $k, $v := .Values }}{{ $k }}{{ end }}{{ end -}}
{{- define "v39" }}{{ index .Values "m" "b" }}{{ end -}}
{{- define "v40" }}{{ default (dict) .Values | toJson }}{{ end -}}
{{- define "v41" }}{{ with .Values }}{{ .s }}{{ typeOf . }}{{ end }}{{ end -}}
{{- define "v42" }}{{ len .Values }}{{ end -}}
{{- define "v43" }}{{ .Files.Glob "*" }}{{ end -}}
{{- define "v44" }}{{ .Files }}{{ end -}}
{{- define "v45" }}{{ .Files.Lines "x" }} {{ typeOf (.Files.Lines "x") }} {{ .Files.AsConfig }} {{ .Files.AsSecrets }}{{ end -}}
{{- define "v46" }}{{ .Files.GetBytes "values.yaml" }}{{ end -}}
{{- define "v47" }}{{ toJson .Files }}{{ end -}}
