# fish completion for velum: asks the executable what could stand here.
function __velum_complete
    set -l words (commandline -opc) (commandline -ct)
    # As typed: a tilde is still a tilde.
    set -l program (string replace -r '^~/' $HOME/ -- $words[1])
    set -l found (command $program complete $words[2..-1] 2>/dev/null)
    if set -q found[1]
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c velum -f -a '(__velum_complete)'
