// Completion scripts for bash, zsh and fish. Each passes the words typed so far to `foreman complete` and shows its answer.

/** Also runs on bash 3.2, the version of macOS. */
const BASH = `# foreman: completion for bash. Made by \`foreman completion bash\`.
_foreman() {
  local line=\${COMP_LINE:0:COMP_POINT} typed breaks reply
  local -a words
  # Not COMP_WORDS: bash cuts qwen3:14b into three.
  read -ra words <<<"$line"
  case $line in *[[:space:]]) words+=('') ;; esac
  typed=\${words[\${#words[@]} - 1]}
  # bash puts what is returned behind the last of these.
  breaks=\${typed%"\${typed##*[:=]}"}
  COMPREPLY=()
  while IFS= read -r reply; do
    if [ "$reply" = :file ]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r reply; do COMPREPLY+=("$reply"); done < <(compgen -f -- "$typed")
    else
      reply=\${reply%%$'\\t'*}
      COMPREPLY+=("\${reply#"$breaks"}")
    fi
  done < <("$1" complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _foreman foreman
`

const ZSH = `#compdef foreman
# foreman: completion for zsh. Made by \`foreman completion zsh\`.
_foreman() {
  local line
  local -a values shown
  for line in "\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :file ]]; then
      _files
    elif [[ -n $line ]]; then
      values+=("\${line%%$'\\t'*}")
      shown+=("\${line/$'\\t'/  }")
    fi
  done
  (( \${#values} )) && compadd -l -d shown -a values
}
if [[ $funcstack[1] == _foreman ]]; then _foreman "$@"; else compdef _foreman foreman; fi
`

const FISH = `# foreman: completion for fish. Made by \`foreman completion fish\`.
function __foreman_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] 2>/dev/null)
        if test "$line" = :file
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c foreman -f -a '(__foreman_complete)'
`

export const SHELL_SCRIPTS = { bash: BASH, zsh: ZSH, fish: FISH } as const
