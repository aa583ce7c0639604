#!/bin/sh
# The life of a job, with curl alone: submit it, watch it, read its answer, submit it twice without running it twice, cancel
# it and delete it. Needs a running foreman. Changes only the jobs that it creates, and deletes them.
#
#   FOREMAN_URL=http://127.0.0.1:8080 sh curl.sh llama3.2
#
# Each block works on its own: copy what you need. If foreman needs a token, put it into FOREMAN_TOKEN.
set -eu
foreman=${FOREMAN_URL:-http://127.0.0.1:8080}
model=${1:?usage: sh curl.sh MODEL}

# From here on, `curl` prints no progress, fails for a status of 400 or more, and sends the token if it is set.
curl() {
  command curl -sS --fail-with-body ${FOREMAN_TOKEN:+-H "Authorization: Bearer $FOREMAN_TOKEN"} "$@"
}
say() { printf '\n# %s\n' "$1"; }
fail() { printf '%s\n' "$1" >&2; exit 1; }
# Enough for a receipt. For anything else, use jq.
id_in() { printf '%s' "$1" | sed -n 's/.*"job_id":"\([0-9A-Z]*\)".*/\1/p'; }

say 'submit a job: the body of /api/chat, plus options for foreman; a 202 means that it is on disk'
receipt=$(curl "$foreman/jobs" -d @- <<JSON
{"model": "$model", "messages": [{"role": "user", "content": "Why is the sky blue?"}], "label": "curl.sh"}
JSON
) || fail "$receipt"
printf '%s\n' "$receipt"
job=$(id_in "$receipt")

say 'look at it'
curl "$foreman/jobs/$job"

say 'watch it from its beginning to its end, one JSON object per line (-N: do not buffer)'
curl -N "$foreman/jobs/$job/events"

say 'come back later: after=N sends only the events after event N (SSE: send Last-Event-ID)'
curl -N "$foreman/jobs/$job/events?after=1" | tail -n 1

say 'its answer, usage and timings'
curl "$foreman/jobs/$job"

say 'only its text'
curl "$foreman/jobs/$job/artifacts/completion"

say 'the first five bytes of its text'
curl -r 0-4 "$foreman/jobs/$job/artifacts/completion"

say 'the answer of the model server, byte for byte; with its ETag it is not sent again'
etag=$(curl -o /dev/null -w '%header{etag}' "$foreman/jobs/$job/artifacts/response")
curl -o /dev/null -w '%{http_code}\n' -H "If-None-Match: $etag" "$foreman/jobs/$job/artifacts/response"

say 'the same Idempotency-Key and body return the same job; Prefer: wait answers when the job has finished'
key="curl.sh-$job"
body="{\"model\": \"$model\", \"prompt\": \"Count to three.\", \"endpoint\": \"/api/generate\"}"
once=$(curl "$foreman/jobs" -H "Idempotency-Key: $key" -d "$body") || fail "$once"
twice=$(curl "$foreman/jobs" -H "Idempotency-Key: $key" -H 'Prefer: wait=60' -d "$body") || fail "$twice"
printf '%s\n' "$twice"
again=$(id_in "$twice")
[ "$again" = "$(id_in "$once")" ] && printf 'same job: %s\n' "$again"

say 'cancel a job in any state; a finished one does not change'
receipt=$(curl "$foreman/jobs" -d @- <<JSON
{"model": "$model", "messages": [{"role": "user", "content": "Count to a million."}], "finish_before": "1h"}
JSON
) || fail "$receipt"
late=$(id_in "$receipt")
curl -w '\n' -X POST "$foreman/jobs/$late/cancel"
curl -H 'Prefer: wait=60' "$foreman/jobs/$late"

say 'find jobs by label, state or model'
curl "$foreman/jobs?label=curl.sh&state=done&limit=1"

say 'delete them: 204, and everything stored for a finished job is deleted'
for finished in "$job" "$again" "$late"; do
  curl -X DELETE -w '%{http_code}\n' "$foreman/jobs/$finished"
done
