# fish completion for velum: asks the executable what could stand here.
function __velum_complete
    set -l words (commandline -opc) (commandline -ct)
    command $words[1] complete $words[2..-1] 2>/dev/null
end
complete -c velum -f -a '(__velum_complete)'
