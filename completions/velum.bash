# bash completion for velum: asks the executable what could stand here.
_velum() {
    COMPREPLY=()
    # As typed: a tilde is still a tilde.
    local program="${COMP_WORDS[0]/#\~\//$HOME/}" word="${COMP_WORDS[COMP_CWORD]}" line
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <("$program" complete "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$word" 2>/dev/null)
}
complete -o default -F _velum velum
