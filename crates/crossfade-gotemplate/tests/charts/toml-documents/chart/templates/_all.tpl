{{- define "v00" }}{{ fromToml "a = 1" }} {{ fromToml "a = 1" | toJson }} {{ typeOf (fromToml "a = 1").a }}{{ end -}}
{{- define "v01" }}{{ (fromToml "a = 1.5\nb = true\nc = 'x'\nd = [1, 2]\n[e]\nf = \"g\\u00e9\"\n[[h]]\ni = 1\n[[h]]\ni = 2\n[h.j]\nk = 1") | toJson }}{{ end -}}
{{- define "v02" }}{{ $t := fromToml "a = [1, 'x', [2.5]]\n[[h]]\ni = 1\nb = {x = 1, y = {z = 2}}\nc = [{x = 1}, {x = 2}]" }}{{ range $k, $v := $t }}{{ $k }}:{{ typeOf $v }} {{ end }}{{ range $k, $v := index $t.h 0 }}{{ $k }}:{{ typeOf $v }} {{ end }}{{ end -}}
{{- define "v03" }}{{ fromToml "a = 1979-05-27T07:32:00Z\nb = 1979-05-27T07:32:00.5-07:00\nc = 1979-05-27T07:32:00\nd = 1979-05-27\ne = 07:32:00.25\nf = 1979-05-27 07:32:00+00:00" }}{{ end -}}
{{- define "v04" }}{{ fromToml "a = 1979-05-27T07:32:00Z\nb = 1979-05-27T07:32:00.5-07:00\nc = 1979-05-27T07:32:00\nd = 1979-05-27\ne = 07:32:00.25" | toJson }}{{ end -}}
{{- define "v05" }}{{ fromToml "a = 1979-05-27T07:32:00Z\nb = 1979-05-27T07:32:00.5-07:00\nc = 1979-05-27T07:32:00\nd = 1979-05-27\ne = 07:32:00.25" | toToml }}{{ end -}}
{{- define "v06" }}{{ fromToml "a = 0xff\nb = 0o17\nc = 0b11\nd = 1_000\ne = 1e3\nf = inf\ng = nan\nh = -inf\ni = +5\nj = -0.0" }}{{ end -}}
{{- define "v07" }}{{ fromToml "a.b.c = 1\n'x y'.z = 2\n\"q\\\"\" = 3" | toToml }}{{ end -}}
{{- define "v08" }}{{ fromToml "a = '''\nx\ny'''\nb = \"\"\"\nx \\\n   y\"\"\"" | toJson }}{{ end -}}
{{- define "v09" }}{{ fromToml "" }} {{ fromToml "# x" | toJson }}{{ end -}}
{{- define "v10" }}{{ hasKey (fromToml "a = ") "Error" }} {{ hasKey (fromToml "a = 1\na = 2") "Error" }} {{ hasKey (fromToml "[a]\n[a]") "Error" }} {{ hasKey (fromToml "a = 99999999999999999999") "Error" }} {{ hasKey (fromToml "a = 01") "Error" }} {{ hasKey (fromToml "a = \"x") "Error" }} {{ hasKey (fromToml "a") "Error" }} {{ hasKey (fromToml "= 1") "Error" }} {{ hasKey (fromToml "a = {x = 1,}") "Error" }} {{ hasKey (fromToml "a = 25:00:00") "Error" }} {{ hasKey (fromToml "a = \"\\e\"") "Error" }} {{ hasKey (fromToml "a = 07:32") "Error" }} {{ hasKey (fromToml "a = {x = 1,\n y = 2}") "Error" }} {{ hasKey (fromToml "é = 1") "Error" }}{{ end -}}
{{- define "v11" }}{{ toToml (dict "b" 1 "a" "x" "c" (list 1 2) "d" (dict "e" 1 "f" (dict "g" 2)) "h" (list (dict "i" 1) (dict "j" (dict "k" 2))) "l" 1.5 "m" 2.0 "n" true "o" nil) }}{{ end -}}
{{- define "v12" }}{{ toToml (dict "a" (list (dict "b" (list (dict "c" 1))))) }}{{ end -}}
{{- define "v13" }}{{ toToml (dict "a" (dict "b" (list (dict "c" 1)) "d" (dict "e" (dict "f" 1)))) }}{{ end -}}
{{- define "v14" }}{{ toToml (dict "a" (list)) }} {{ toToml (dict "a" (dict)) }} {{ toToml (dict) }}{{ end -}}
{{- define "v15" }}{{ toToml (dict "a" (list 1 (dict "x" 1))) }} {{ toToml (dict "a" (list (list (dict "x" 1 "y" (dict "z" 1))))) }}{{ end -}}
{{- define "v16" }}{{ toToml (dict "a" (list 1 nil)) }} {{ toToml (dict "a" (list nil)) }} {{ toToml (dict "a" (list (dict) nil)) }}{{ end -}}
{{- define "v17" }}{{ toToml (dict "a b" 1 "" 2 "c.d" 3 "é" 4 "a\"q" 5) }}{{ end -}}
{{- define "v18" }}{{ toToml (dict "a" "x\ny\t\"z\"\\ \u0001 é \u007f <>&") }}{{ end -}}
{{- define "v19" }}{{ toToml 5 }} {{ toToml "x" }} {{ toToml (list 1 2) }} {{ toToml true }} {{ toToml (list (dict "a" 1)) }}{{ end -}}
{{- define "v20" }}{{ toToml .Values }} {{ toToml (dict "a" .Values) }}{{ end -}}
{{- define "v21" }}{{ toToml (dict "a" 1e20 "b" 1e-7 "c" 123456789.0 "d" 100000.0 "e" 0.1 "f" -0.0) }}{{ end -}}
{{- define "v22" }}{{ toToml (dict "t" (toDate "2006-01-02T15:04:05Z07:00" "2024-07-01T12:00:00+02:00") "s" (semver "1.2.3") "m" (toDate "2006-01-02" "2024-07-01").Month "d" ((toDate "2006-01-02" "2024-07-02").Sub (toDate "2006-01-02" "2024-07-01"))) }}{{ end -}}
{{- define "v23" }}{{ toToml (dict "a" (dict "x" 1) "b" (dict "y" (dict "z" 1)) "c" 1) }}{{ end -}}
{{- define "v24" }}{{ toToml (dict "a" (dict "x" (list (dict "p" (dict "q" 1)) (dict "r" (list (dict "s" 1)))))) }}{{ end -}}
{{- define "v25" }}{{ toToml (dict "l" ("a b" | splitList " ") "i" (until 3) "s" (split "," "a,b")) }}{{ end -}}
{{- define "v26" }}{{ toToml (fromToml "[a]\nb = 1\n[a.c]\nd = [[1],[2]]\n[[a.e]]\nf=1\n[[a.e]]\n") }}{{ end -}}
{{- define "v27" }}{{ toToml (fromYaml "a: [1, x, {b: [c, {d: 1}]}]\ne: {f: {g: [{h: 1}]}}") }}{{ end -}}
