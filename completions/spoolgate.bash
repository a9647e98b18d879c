# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of spoolgate's commands in bash: source it, or install it as bash-completion/completions/spoolgate.
#
# Commands, sub-commands and options are read from the program's own --help when they are wanted, names of gates,
# sinks, embedders and batches from `spoolgate help --words`, which asks no database. Needs nothing but bash 4.

# _spoolgate_help COMMAND: its --help; PROGRAM is the word that was typed.
_spoolgate_help() {
  "$_spoolgate_program" "$@" --help 2>/dev/null </dev/null
}

# _spoolgate_commands: the names of all commands.
_spoolgate_commands() {
  _spoolgate_help | sed -n 's/^  \([a-z][a-z]*\)  *[^ ].*/\1/p'
}

# _spoolgate_options COMMAND: its options, letters and long names.
_spoolgate_options() {
  _spoolgate_help "$1" | sed -nE 's/^ +(-[A-Za-z], )?(--[a-z-]+).*/\1\2/p' | tr -d ' ' | tr ',' '\n'
}

# _spoolgate_value COMMAND OPTION: what the option's value is called in --help ("FILE"); nothing for a flag.
_spoolgate_value() {
  _spoolgate_help "$1" | awk -v option="$2" '
    match($0, /^ +(-[A-Za-z], )?--[a-z-]+ [A-Z:.|]+ /) {
      split(substr($0, 1, RLENGTH), words, /[ ,]+/)
      for (i = 2; words[i + 1] != ""; i++) if (words[i] == option) value = words[i + 1] ~ /^-/ ? words[i + 2] : words[i + 1]
    }
    END { sub(/\.\.\.$/, "", value); print value }'
}

# _spoolgate_actions COMMAND: the words that its first operand can be, as in "hold|release|open NAME".
_spoolgate_actions() {
  _spoolgate_help "$1" | sed -n '1s/^Usage: spoolgate [a-z]* \[OPTIONS\]//p' | tr -c 'a-zA-Z-' '\n' | grep -xE '[a-z]+'
}

# _spoolgate_words KIND: names, by the configuration, spool and manifests that were typed so far.
_spoolgate_words() {
  local -a site=()
  local i
  for ((i = 2; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      -c | --config | --spool | --manifests)
        if [[ ${COMP_WORDS[i + 1]} == = ]]; then
          site+=("${COMP_WORDS[i]}=${COMP_WORDS[i + 2]/#\~/$HOME}")
        elif ((i + 1 < COMP_CWORD)); then
          site+=("${COMP_WORDS[i]}" "${COMP_WORDS[i + 1]/#\~/$HOME}")
        fi
        ;;
    esac
  done
  "$_spoolgate_program" help --words "$1" "${site[@]}" 2>/dev/null </dev/null
}

# _spoolgate_reply WORDS: those that begin with what stands at the cursor. Not by compgen -W, which would expand them.
_spoolgate_reply() {
  local word
  while read -r word; do
    if [[ -n $word && $word == "$_spoolgate_current"* ]]; then COMPREPLY+=("$word"); fi
  done < <(tr -s ' ' '\n' <<<"$1" | sort -u)
}

# _spoolgate_files [-d]: files, or folders alone.
_spoolgate_files() {
  compopt -o filenames 2>/dev/null
  mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen "${1:--f}" -- "$_spoolgate_current")
}

# _spoolgate_complete_value COMMAND OPTION VALUE
_spoolgate_complete_value() {
  case $1:$2:$3 in
    *:DIR) _spoolgate_files -d ;;
    receipt:--file:*) _spoolgate_files ;;
    *:FILE) _spoolgate_files ;;
    *:-g:* | *:--gate:*) _spoolgate_reply "$(_spoolgate_words gates)" ;;
    *:-s:* | *:--sink:*) _spoolgate_reply "$(_spoolgate_words sinks)" ;;
    *:TYPE) _spoolgate_reply 'gate.open gate.done embed.start kb.ingest.asset.created.v1 kb.index.completed.v1' ;;
    lint:*:KIND) _spoolgate_reply 'stream gate sink embedder' ;;
    search:*:MODE) _spoolgate_reply 'hybrid text vector' ;;
    embed:*:WHICH) _spoolgate_reply 'failed missing all' ;;
    apply:*:LIST) _spoolgate_reply 'type drop type,drop' ;;
  esac
}

# _spoolgate_complete_operand COMMAND OPERANDS…: what may follow these.
_spoolgate_complete_operand() {
  case $1:$# in
    put:1 | inspect:1 | index:1) _spoolgate_files ;;
    lint:1) _spoolgate_files -d ;;
    retry:1 | fail:1) _spoolgate_reply "$(_spoolgate_words batches)" ;;
    explain:1) _spoolgate_reply "$(_spoolgate_words batches) $(_spoolgate_words archived)" ;;
    embed:1) _spoolgate_reply "$(_spoolgate_words embedders)" ;;
    help:1) _spoolgate_reply "config $(_spoolgate_commands)" ;;
    gate:1 | receipt:1 | sink:1 | dlq:1) _spoolgate_reply "$(_spoolgate_actions "$1")" ;;
    gate:2) _spoolgate_reply "$(_spoolgate_words gates)" ;;
    sink:2) if [[ $2 != list ]]; then _spoolgate_reply "$(_spoolgate_words sinks)"; fi ;;
    receipt:2) if [[ $2 == show ]]; then _spoolgate_reply "$(_spoolgate_words batches) $(_spoolgate_words archived)"; fi ;;
  esac
}

_spoolgate() {
  local _spoolgate_program=${COMP_WORDS[0]/#\~/$HOME} _spoolgate_current=${COMP_WORDS[COMP_CWORD]}
  local command=${COMP_WORDS[1]} value='' i
  local -a operands=()
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    _spoolgate_reply "$(_spoolgate_commands) --help --version"
    return 0
  fi
  # Each word before the cursor is an option, an option's value, or an operand. Readline splits at "=".
  for ((i = 2; i < COMP_CWORD; i++)); do
    if [[ -n $value ]]; then
      [[ ${COMP_WORDS[i]} == = ]] || value=''
    elif [[ ${COMP_WORDS[i]} == -?* ]]; then
      value=$(_spoolgate_value "$command" "${COMP_WORDS[i]}")
    else
      operands+=("${COMP_WORDS[i]}")
    fi
  done
  if [[ -n $value ]]; then
    i=$((COMP_CWORD - 1))
    [[ ${COMP_WORDS[i]} != = ]] || i=$((i - 1))
    if [[ $_spoolgate_current == = ]]; then _spoolgate_current=''; fi
    _spoolgate_complete_value "$command" "${COMP_WORDS[i]}" "$value"
  elif [[ $_spoolgate_current == -* ]]; then
    _spoolgate_reply "$(_spoolgate_options "$command")"
  else
    _spoolgate_complete_operand "$command" "${operands[@]}"
  fi
}

complete -F _spoolgate spoolgate
