{{- define "walk" -}}
{{- range $k, $v := .tree }}
{{ repeat (int $.depth) "  " }}{{ $k }}:{{ if kindIs "map" $v }}{{ include "walk" (dict "tree" $v "depth" (add1 $.depth)) }}{{ else }} {{ $v | quote }}{{ end }}
{{- end }}
{{- end }}
{{- define "count" -}}
{{- if gt (int .) 0 }}{{ include "count" (sub . 1) }}x{{ end -}}
{{- end }}
