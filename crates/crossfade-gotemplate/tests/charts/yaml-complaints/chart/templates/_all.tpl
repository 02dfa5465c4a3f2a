{{- define "v00" }}{{ fromYaml "a: [1\nb: 2" }}{{ end -}}
{{- define "v01" }}{{ fromYaml "a: b: c" }}{{ end -}}
{{- define "v02" }}{{ fromYaml "- a\nb" }}{{ end -}}
{{- define "v03" }}{{ fromYaml "a: 'x" }}{{ end -}}
{{- define "v04" }}{{ fromYaml "\ta: 1" }}{{ end -}}
{{- define "v05" }}{{ fromYaml "a: {x" }}{{ end -}}
{{- define "v06" }}{{ fromYaml "a: *x" }}{{ end -}}
{{- define "v07" }}{{ fromYaml "a: 1\n  b: 2" }}{{ end -}}
{{- define "v08" }}{{ fromYaml "a:\n- b\n c" }}{{ end -}}
{{- define "v09" }}{{ fromYaml "%x" }}{{ end -}}
{{- define "v10" }}{{ fromYaml "a: @x" }}{{ end -}}
{{- define "v11" }}{{ fromYaml "a: `x" }}{{ end -}}
{{- define "v12" }}{{ fromYaml "a: \"\\q\"" }}{{ end -}}
{{- define "v13" }}{{ fromYaml "a\nb: 1" }}{{ end -}}
{{- define "v14" }}{{ fromYaml "a: |\n b\n  c\n d\ne" }}{{ end -}}
{{- define "v15" }}{{ fromYaml "? a" }}{{ end -}}
{{- define "v16" }}{{ fromYaml "a: 1\nb" }}{{ end -}}
{{- define "v17" }}{{ fromYaml "[a]: 1" }}{{ end -}}
{{- define "v18" }}{{ fromYaml "{a: 1}: 1" }}{{ end -}}
{{- define "v19" }}{{ fromYaml "5" }} {{ fromYaml "x" }} {{ fromYaml "[]" }}{{ end -}}
{{- define "v20" }}{{ fromYaml "a: 1\n b" }}{{ end -}}
{{- define "v21" }}{{ fromYaml "a: 1\nb\nc: 2" }}{{ end -}}
{{- define "v22" }}{{ fromYaml "a: 1\nb\nc\n\n" }}{{ end -}}
{{- define "v23" }}{{ fromYaml "a:\n  b: 1\n c: 2" }}{{ end -}}
{{- define "v24" }}{{ fromYaml "a: \"x" }}{{ end -}}
{{- define "v25" }}{{ fromYaml "a: [1, 2" }}{{ end -}}
{{- define "v26" }}{{ fromYaml "a: ]" }}{{ end -}}
{{- define "v27" }}{{ fromYaml "a: }" }}{{ end -}}
{{- define "v28" }}{{ fromYaml "- a\n b: c" }}{{ end -}}
{{- define "v29" }}{{ fromYaml "a: - b" }}{{ end -}}
{{- define "v30" }}{{ fromYaml "a: &x 1\nb: *y" }}{{ end -}}
{{- define "v31" }}{{ fromYaml "a: !<x" }}{{ end -}}
{{- define "v32" }}{{ fromYaml "a: 1\n---\nb: 2" }}{{ end -}}
{{- define "v33" }}{{ fromYaml "--- a\n... b" }}{{ end -}}
{{- define "v34" }}{{ fromYaml "key: 'it's'" }}{{ end -}}
{{- define "v35" }}{{ fromYaml "key: \"a\" b" }}{{ end -}}
{{- define "v36" }}{{ fromYaml "a: {b: 1, c}" }}{{ end -}}
{{- define "v37" }}{{ fromYaml "a: {b: 1 c: 2}" }}{{ end -}}
{{- define "v38" }}{{ fromYaml "a: [b c, d]" }}{{ end -}}
{{- define "v39" }}{{ fromYaml "a: % b" }}{{ end -}}
{{- define "v40" }}{{ fromYaml "a:\n\t- b" }}{{ end -}}
{{- define "v41" }}{{ fromYaml "a: >2x\n b" }}{{ end -}}
{{- define "v42" }}{{ fromYaml "a: |\n  b\n c" }}{{ end -}}
{{- define "v43" }}{{ fromYaml "{{ x }}: b" }}{{ end -}}
{{- define "v44" }}{{ fromYaml "a: {{ x }}" }}{{ end -}}
{{- define "v45" }}{{ fromYaml "a: 1\n\n\n  b" }}{{ end -}}
{{- define "v46" }}{{ fromYaml "a: 1\nb: [\nc: 2\n" }}{{ end -}}
{{- define "v47" }}{{ fromYaml "a: 'b\nc: d" }}{{ end -}}
{{- define "v48" }}{{ fromYaml "x: \"\\x4\"" }}{{ end -}}
{{- define "v49" }}{{ fromYaml "x: \"\\u12\"" }}{{ end -}}
{{- define "v50" }}{{ fromYaml "<<: 5" }} {{ fromYaml "<<: [5]" }}{{ end -}}
