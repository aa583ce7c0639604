#!/bin/sh
# Shows a job's life with nothing but curl: hand it in, watch it, take its answer, hand it in twice and get it once, cancel
# it, forget it. Needs a running foreman; changes nothing but the jobs that it makes, and forgets those.
#
#   FOREMAN_URL=http://127.0.0.1:8080 sh curl.sh llama3.2
#
# Each block stands for itself: copy what you need. If foreman wants a token, put it into FOREMAN_TOKEN.
set -eu
foreman=${FOREMAN_URL:-http://127.0.0.1:8080}
model=${1:?usage: sh curl.sh MODEL}

# From here on `curl` is quiet, ends with an error at a status of 400 and more, and sends the token if there is one.
curl() {
  command curl -sS --fail-with-body ${FOREMAN_TOKEN:+-H "Authorization: Bearer $FOREMAN_TOKEN"} "$@"
}
say() { printf '\n# %s\n' "$1"; }
fail() { printf '%s\n' "$1" >&2; exit 1; }
# Good enough for a receipt. For anything more use jq.
id_in() { printf '%s' "$1" | sed -n 's/.*"job_id":"\([0-9A-Z]*\)".*/\1/p'; }

say 'hand in a job: the body of /api/chat, plus what you ask of foreman; a 202 says that it is on disk'
receipt=$(curl "$foreman/jobs" -d @- <<JSON
{"model": "$model", "messages": [{"role": "user", "content": "Why is the sky blue?"}], "label": "curl.sh"}
JSON
) || fail "$receipt"
printf '%s\n' "$receipt"
job=$(id_in "$receipt")

say 'look at it'
curl "$foreman/jobs/$job"

say 'watch it from its beginning to its end, one JSON object a line (-N: do not collect)'
curl -N "$foreman/jobs/$job/events"

say 'come back later: behind event N nothing is told twice (SSE: send Last-Event-ID)'
curl -N "$foreman/jobs/$job/events?after=1" | tail -n 1

say 'its answer, usage and timings'
curl "$foreman/jobs/$job"

say 'its text alone'
curl "$foreman/jobs/$job/artifacts/completion"

say 'the first five bytes of it'
curl -r 0-4 "$foreman/jobs/$job/artifacts/completion"

say 'what the model server sent, byte for byte; with its ETag it is not sent again'
etag=$(curl -o /dev/null -w '%header{etag}' "$foreman/jobs/$job/artifacts/response")
curl -o /dev/null -w '%{http_code}\n' -H "If-None-Match: $etag" "$foreman/jobs/$job/artifacts/response"

say 'the same Idempotency-Key and body again is the same job again; Prefer: wait holds the answer until it is over'
key="curl.sh-$job"
body="{\"model\": \"$model\", \"prompt\": \"Count to three.\", \"endpoint\": \"/api/generate\"}"
once=$(curl "$foreman/jobs" -H "Idempotency-Key: $key" -d "$body") || fail "$once"
twice=$(curl "$foreman/jobs" -H "Idempotency-Key: $key" -H 'Prefer: wait=60' -d "$body") || fail "$twice"
printf '%s\n' "$twice"
again=$(id_in "$twice")
[ "$again" = "$(id_in "$once")" ] && printf 'one job: %s\n' "$again"

say 'cancel one, wherever it is; what was over before stays as it was'
receipt=$(curl "$foreman/jobs" -d @- <<JSON
{"model": "$model", "messages": [{"role": "user", "content": "Count to a million."}], "finish_before": "1h"}
JSON
) || fail "$receipt"
late=$(id_in "$receipt")
curl -w '\n' -X POST "$foreman/jobs/$late/cancel"
curl -H 'Prefer: wait=60' "$foreman/jobs/$late"

say 'find jobs by label, state or model'
curl "$foreman/jobs?label=curl.sh&state=done&limit=1"

say 'forget them: 204, and nothing is left of a finished job'
for finished in "$job" "$again" "$late"; do
  curl -X DELETE -w '%{http_code}\n' "$foreman/jobs/$finished"
done
