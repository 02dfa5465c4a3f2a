{{- define "v00" }}{{ dateInZone "2006-01-02 15:04 MST" 1719792000 "America/New_York" }}{{ end -}}
{{- define "v01" }}{{ dateInZone "2006-01-02 15:04 MST -0700" 1719792000 "Europe/Berlin" }}{{ end -}}
{{- define "v02" }}{{ dateInZone "2006-01-02 15:04 MST -0700" 1719792000 "europe/berlin" }}{{ end -}}
{{- define "v03" }}{{ dateInZone "2006-01-02 15:04 MST -0700" 1719792000 "Nope/Nope" }}{{ end -}}
{{- define "v04" }}{{ dateInZone "2006-01-02 15:04 MST -07:00:00 Z07:00 -07" 1719792000 "Asia/Kathmandu" }}{{ end -}}
{{- define "v05" }}{{ dateInZone "2006-01-02 15:04 MST" 4719792000 "Europe/Amsterdam" }}{{ end -}}
{{- define "v06" }}{{ dateInZone "2006-01-02 15:04 MST" 1719792000 "EST5EDT" }} {{ dateInZone "MST" 1719792000 "EST" }} {{ dateInZone "15 MST" 1719792000 "Etc/GMT+5" }} {{ dateInZone "15 MST" 1719792000 "US/Pacific" }}{{ end -}}
{{- define "v07" }}{{ dateInZone "15 MST" 1719792000 "" }} {{ dateInZone "15 MST" 1719792000 "Local" }} {{ dateInZone "15 MST" 1719792000 "UTC" }} {{ dateInZone "15 MST" 1719792000 "GMT" }} {{ dateInZone "15 MST" 1719792000 "Z" }}{{ end -}}
{{- define "v08" }}{{ toDate "2006-01-02 MST" "2024-07-01 EST" }}{{ end -}}
{{- define "v09" }}{{ toDate "2006-01-02T15:04:05Z07:00" "2024-07-01T12:00:00+02:00" }}{{ end -}}
{{- define "v10" }}{{ toDate "2006-01-02T15:04:05Z07:00" "2024-07-01T12:00:00Z" }} {{ toDate "2006-01-02T15:04:05Z07:00" "2024-07-01T12:00:00+00:00" }}{{ end -}}
{{- define "v11" }}{{ toDate "2006-01-02 MST" "2024-07-01 GMT+3" }} {{ toDate "2006-01-02 MST" "2024-07-01 UTC" }} {{ toDate "2006-01-02 MST -0700" "2024-07-01 CEST +0200" }}{{ end -}}
{{- define "v12" }}{{ toDate "2006-01-02" "2024-02-30" }}{{ end -}}
{{- define "v13" }}{{ mustToDate "2006-01-02 3:04PM" "2024-01-01 5:00PM" }}{{ end -}}
{{- define "v14" }}{{ mustToDate "2006 002" "2024 366" }} {{ mustToDate "2006 __2" "2024  60" }}{{ end -}}
{{- define "v15" }}{{ mustToDate "2006-01-02T15:04:05.000" "2024-01-01T01:02:03.123" }} {{ mustToDate "2006-01-02T15:04:05" "2024-01-01T01:02:03,123456789123" }}{{ end -}}
{{- define "v16" }}{{ mustToDate "Jan _2 2006" "Feb  3 2024" }} {{ mustToDate "Mon January 2 06" "tue february 3 70" }}{{ end -}}
{{- define "v17" }}{{ mustToDate "2006-01-02 -07" "2024-01-01 +05" }} {{ mustToDate "2006-01-02 -070000" "2024-01-01 +053015" }}{{ end -}}
{{- define "v18" }}{{ date "Mon Jan _2 15:04:05.000 2006 002 __2 pm PM 3 03 4 5 6 06 ,999 .000000000000" 1719792000 }}{{ end -}}
{{- define "v19" }}{{ date "Month Monday January Janu MSTx 1 2 _2006 2006 20 0 007" 1719792000 }}{{ end -}}
{{- define "v20" }}{{ $t := toDate "2006-01-02T15:04:05Z07:00" "2024-07-09T12:13:14+02:00" }}{{ $t.Year }} {{ $t.Month }} {{ $t.Day }} {{ $t.Weekday }} {{ $t.Hour }} {{ $t.YearDay }} {{ $t.Unix }} {{ $t.UTC }} {{ $t.Local }} {{ $t.Location }} {{ $t.IsZero }} {{ $t.Nanosecond }} {{ $t.UnixMilli }} {{ $t.UnixMicro }} {{ $t.UnixNano }}{{ end -}}
{{- define "v21" }}{{ $t := toDate "2006-01-02T15:04:05Z07:00" "2024-07-09T12:13:14+02:00" }}{{ $t.Add 1000000000 }} {{ $t.AddDate 0 1 2 }} {{ $t.Sub $t }} {{ ($t.Sub ($t.AddDate -1 0 0)).Hours }} {{ $t.Equal $t }} {{ $t.After $t }} {{ $t.Before ($t.AddDate 0 0 1) }} {{ $t.Compare $t }} {{ $t.Truncate 3600000000000 }} {{ $t.Round 3600000000000 }}{{ end -}}
{{- define "v22" }}{{ $t := toDate "2006-01-02" "2024-07-09" }}{{ int $t.Month }} {{ eq (int $t.Month) 7 }} {{ printf "%d %v %s" $t.Month $t.Month $t.Month }} {{ typeOf $t.Month }} {{ kindOf $t.Month }} {{ add $t.Month 1 }} {{ toJson $t.Month }} {{ toYaml $t.Month }} {{ $t.Month | quote }} {{ eq $t.Month 7 }}{{ end -}}
{{- define "v23" }}{{ $t := toDate "2006-01-02" "2024-07-09" }}{{ toJson $t }} {{ toYaml $t }} {{ $t | quote }} {{ printf "%s|%v|%q" $t $t $t }} {{ kindOf $t }} {{ $t.String }} {{ $t.Format "Jan" }}{{ end -}}
{{- define "v24" }}{{ $t := toDate "2006-01-02" "2024-07-09" }}{{ eq $t $t }} {{ deepEqual $t $t }}{{ end -}}
{{- define "v25" }}{{ $d := (toDate "2006-01-02" "2024-07-09").Sub (toDate "2006-01-02" "2024-07-08") }}{{ $d }} {{ $d.Minutes }} {{ $d.Seconds }} {{ $d.Milliseconds }} {{ $d.String }} {{ typeOf $d }} {{ kindOf $d }} {{ toJson $d }} {{ $d.Round 7 }} {{ $d.Truncate 13 }} {{ $d.Abs }} {{ int $d }} {{ div $d 2 }} {{ gt $d 5 }} {{ printf "%d %v" $d $d }}{{ end -}}
{{- define "v26" }}{{ dateModify "-1.5h" (toDate "2006-01-02" "2024-07-09") }} {{ date_modify "24h" (toDate "2006-01-02 -0700" "2024-07-09 +0300") }}{{ end -}}
{{- define "v27" }}{{ dateModify "0.3s" (toDate "2006-01-02" "2024-07-09") }} {{ dateModify "1.000000001h" (toDate "2006-01-02" "2024-07-09") }} {{ dateModify "3000000h" (toDate "2006-01-02" "2024-07-09") }}{{ end -}}
{{- define "v28" }}{{ unixEpoch (toDate "2006-01-02" "2024-07-09") }}{{ end -}}
{{- define "v29" }}{{ duration 95 }} {{ duration "95" }} {{ duration (int64 95) }} {{ duration 95.0 }} {{ durationRound "2h10m5s" }} {{ durationRound "2400h10m5s" }} {{ durationRound (int64 5000000000) }} {{ durationRound "-3h" }} {{ durationRound 5 }}{{ end -}}
{{- define "v30" }}{{ htmlDate 0 }} {{ htmlDateInZone 0 "America/New_York" }}  {{ date "2006" "x" | len }}{{ end -}}
{{- define "v31" }}{{ (toDate "2006-01-02 MST" "2024-07-01 EST").Location }} {{ (toDate "2006-01-02" "2024-07-01").Location }} {{ (toDate "2006-01-02 -0700" "2024-07-01 +0200").Location }} {{ now.Location }}{{ end -}}
{{- define "v32" }}{{ ((toDate "2006-01-02" "2024-07-01").UTC).IsDST }} {{ now.IsZero }}{{ end -}}
{{- define "v33" }}{{ toString (toDate "2006-01-02" "2024-07-01") }} {{ (toDate "2006-01-02" "2024-07-01") | toYaml }} {{ dict "a" (toDate "2006-01-02" "2024-07-01") | toYaml }} {{ dict "a" (toDate "2006-01-02" "2024-07-01") | toJson }} {{ dict "a" (toDate "2006-01-02" "2024-07-01") }}{{ end -}}
