# fish completion for takeup, which is asked itself what there is: takeup complete -- WORD…

function __takeup_complete
    set -l before (commandline -opc)
    set -l word (commandline -ct)
    set -l lines ($before[1] complete -- $before[2..-1] "$word" 2>/dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path $word
        case dirs
            __fish_complete_directories $word ''
        case '*'
            string join -- \n $lines[2..-1]
    end
end
complete -c takeup -f -a '(__takeup_complete)'
