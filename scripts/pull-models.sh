#!/bin/sh
# Pulls the models of the roster on the target and prints the settings that the target needs. Needs curl and sh.
# It speaks to Ollama directly, because foreman refuses pulls by default. It never changes the target's settings.
set -u

roster='nomic-embed-text qwen3:14b qwen3:30b'

usage() {
  cat <<'TEXT'
usage: sh scripts/pull-models.sh [--target URL] [--system NAME] [--list | --check | --settings] [MODEL ...]

Pulls each MODEL (without any: the roster) that the target does not have yet.

  --target URL    the Ollama server; without it FOREMAN_OLLAMA_URL is used
  --system NAME   print the settings for linux, macos, windows or all
                  (default: this machine's system if the target is on it, else all)
  --list          print the models, one a line, and stop; needs no target
  --check         pull nothing; say which models are missing
  --settings      print the target's settings and stop; needs no target

Exit codes: 0 every model is there, 1 a model is missing or could not be pulled, 2 wrong arguments,
3 the target does not answer as Ollama does, 4 the target's disk is full.
TEXT
}

say() { printf '%s\n' "$*"; }
warn() { printf 'pull-models: %s\n' "$*" >&2; }
wrong() { warn "$1"; warn 'run it with --help to see what is allowed'; exit 2; }

settings_linux() {
  cat <<'TEXT'
Settings for a target on Linux (systemd). Run: sudo systemctl edit ollama.service

  [Service]
  Environment="OLLAMA_HOST=0.0.0.0:11434"
  Environment="OLLAMA_MAX_LOADED_MODELS=2"
  Environment="OLLAMA_CONTEXT_LENGTH=8192"
  Environment="OLLAMA_KEEP_ALIVE=30m"

Then run: sudo systemctl restart ollama
TEXT
}

settings_macos() {
  cat <<'TEXT'
Settings for a target on macOS (the Ollama app). They are lost at a reboot: run them again at login.

  launchctl setenv OLLAMA_HOST 0.0.0.0:11434
  launchctl setenv OLLAMA_MAX_LOADED_MODELS 2
  launchctl setenv OLLAMA_CONTEXT_LENGTH 8192
  launchctl setenv OLLAMA_KEEP_ALIVE 30m

Then quit the Ollama app and start it again.
TEXT
}

settings_windows() {
  cat <<'TEXT'
Settings for a target on Windows. Run them as the user that runs Ollama:

  setx OLLAMA_HOST 0.0.0.0:11434
  setx OLLAMA_MAX_LOADED_MODELS 2
  setx OLLAMA_CONTEXT_LENGTH 8192
  setx OLLAMA_KEEP_ALIVE 30m

Then quit Ollama in the notification area and start it again.
TEXT
}

# The target's system is known only if the target is this machine.
system_of_target() {
  case $target in
    *://localhost | *://localhost[:/]* | *://127.* | *'://[::1]'*) ;;
    *) say all; return ;;
  esac
  case $(uname -s) in
    Linux) say linux ;;
    Darwin) say macos ;;
    MINGW* | MSYS* | CYGWIN*) say windows ;;
    *) say all ;;
  esac
}

print_settings() {
  case ${system:-$(system_of_target)} in
    linux) settings_linux ;;
    macos) settings_macos ;;
    windows) settings_windows ;;
    *) settings_linux; say; settings_macos; say; settings_windows ;;
  esac
  say
  say 'Let only foreman reach port 11434, and keep the machine awake: see docs/target.md.'
}

# Ollama adds the tag "latest" to a name without one. A colon before the last slash belongs to a port.
with_tag() {
  case ${1##*/} in
    *:*) say "$1" ;;
    *) say "$1:latest" ;;
  esac
}

curl_reason() {
  case $1 in
    6) say 'its name cannot be resolved' ;;
    7) say 'nothing accepts connections there' ;;
    28) say 'no bytes came within the time limit' ;;
    18 | 52 | 56) say 'the connection was closed early' ;;
    *) say "curl ended with exit code $1" ;;
  esac
}

# Prints the body of a small GET. Returns curl's exit code, which is 22 for a status of 400 and above.
get() { curl -sf --connect-timeout 10 --max-time 30 "$target$1"; }

# Prints the installed models, one per line, with their tags.
installed_models() {
  body=$(get /api/tags) || return 1
  printf '%s\n' "$body" | tr '{},' '[\n*]' | sed -nE 's/^ *"(name|model)" *: *"([^"]*)".*/\2/p'
}

has_model() { printf '%s\n' "$installed" | grep -Fxq -- "$(with_tag "$1")"; }

# Prints the message of an error record, on one line and at most 500 characters long.
error_in() {
  message=$(printf '%s\n' "$1" | sed -nE 's/.*"error" *: *"(([^"\\]|\\.)*)".*/\1/p' | tr -d '[:cntrl:]' | cut -c1-500)
  say "${message:-an error without a message}"
}

is_disk_full() {
  case $1 in
    *'no space left'* | *'not enough space'* | *'disk full'* | *'disk quota exceeded'*) return 0 ;;
    *) return 1 ;;
  esac
}

# Reads the records of a pull and then the line that marks the end of curl. Prints each step, and every tenth of a layer.
# Returns 0 after the success record, 4 if the disk is full, else 1. An HTTP error of Ollama is such an error record too.
read_pull() {
  step='' tenth='' ended=''
  while IFS= read -r line; do
    case $line in
      '') continue ;;
      'curl-exit '*)
        if [ "$ended" = success ]; then return 0; fi
        code=${line#curl-exit }
        if [ "$code" = 0 ]; then
          warn "$1: the target's answer ended before the pull was complete; run it again to continue"
        else
          warn "$1: the pull was interrupted: $(curl_reason "$code"); run it again to continue"
        fi
        return 1
        ;;
      *'"error"'*)
        message=$(error_in "$line")
        warn "$1: the target could not pull it: $message"
        if is_disk_full "$message"; then return 4; fi
        return 1
        ;;
      *'"status"'*) ;;
      *) continue ;;
    esac
    status=${line#*\"status\":\"}
    status=$(printf '%.80s' "${status%%\"*}" | tr -d '[:cntrl:]')
    ended=$status
    if [ "$status" != "$step" ]; then say "  $status"; fi
    now=$(tenths "$line")
    if [ "$status" = "$step" ] && [ -n "$now" ] && [ "$now" != "$tenth" ]; then say "  $status: ${now}0 %"; fi
    step=$status tenth=$now
  done
  return 1
}

# Prints how many tenths of a layer are downloaded; prints nothing for a record without numbers.
tenths() {
  case $1 in *'"total":'*'"completed":'*) ;; *) return ;; esac
  total=${1#*\"total\":} completed=${1#*\"completed\":}
  total=${total%%[!0-9]*} completed=${completed%%[!0-9]*}
  if [ "${total:-0}" -gt 0 ]; then say $((${completed:-0} * 10 / total)); fi
}

# A target that verifies a large layer is silent for minutes, so only ten minutes of silence end a pull.
pull() {
  {
    curl -sN --connect-timeout 10 --speed-limit 1 --speed-time 600 \
      -H 'Content-Type: application/json' -d "{\"model\":\"$1\"}" "$target/api/pull"
    printf '\ncurl-exit %s\n' "$?"
  } | read_pull "$1"
}

# 1. Arguments.
target=${FOREMAN_OLLAMA_URL:-} system='' mode=pull models=''
while [ $# -gt 0 ]; do
  case $1 in
    --target | --system)
      [ $# -ge 2 ] || wrong "$1 needs a value"
      case $1 in --target) target=$2 ;; *) system=$2 ;; esac
      shift
      ;;
    --list | --check | --settings) mode=${1#--} ;;
    -h | --help) usage; exit 0 ;;
    -*) wrong "unknown option: $1" ;;
    '' | *[!A-Za-z0-9._:/-]*) wrong "invalid model name: \"$1\"; allowed are letters, digits and . _ : / -" ;;
    *) models="$models $1" ;;
  esac
  shift
done
: "${models:=$roster}"
case $system in
  '' | linux | macos | windows | all) ;;
  *) wrong "unknown system: \"$system\"; allowed are linux, macos, windows and all" ;;
esac

if [ "$mode" = list ]; then
  for model in $models; do say "$model"; done
  exit 0
fi
if [ "$mode" = settings ]; then print_settings; exit 0; fi

# 2. The target.
case $target in
  '') wrong 'no target: give --target URL or set FOREMAN_OLLAMA_URL, such as http://mac.local:11434' ;;
  http://?* | https://?*) target=${target%/} ;;
  *) wrong "invalid target: \"$target\"; it must begin with http:// or https://" ;;
esac
command -v curl >/dev/null || { warn 'curl is not installed; install it first'; exit 2; }
version=$(get /api/version)
code=$?
if [ "$code" != 0 ] && [ "$code" != 22 ]; then
  warn "the target $target does not answer: $(curl_reason "$code"); is Ollama running, and does OLLAMA_HOST allow this machine?"
  exit 3
fi
case $version in
  *'"version"'*) ;;
  *) warn "the server at $target is not Ollama: /api/version returned no version; check the address and the port"; exit 3 ;;
esac
installed=$(installed_models) || { warn "the target $target did not list its models (/api/tags)"; exit 3; }

# 3. The models.
failed=0
for model in $models; do
  if has_model "$model"; then say "$model: present"; continue; fi
  if [ "$mode" = check ]; then continue; fi
  say "$model: pulling"
  pull "$model"
  case $? in
    0) say "$model: pulled" ;;
    4)
      warn 'the disk of the target is full: free some space there (ollama rm MODEL), then run this again'
      failed=4
      break
      ;;
    *) failed=1 ;;
  esac
done

# 4. The models that are still missing.
installed=$(installed_models) || { warn "the target $target no longer lists its models (/api/tags)"; exit 3; }
missing=''
for model in $models; do has_model "$model" || missing="$missing $model"; done
if [ -n "$missing" ]; then
  warn "missing on the target:$missing"
  [ "$failed" != 0 ] || failed=1
fi
say
print_settings
exit "$failed"
