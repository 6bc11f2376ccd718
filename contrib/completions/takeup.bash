# shellcheck shell=bash
# bash completion for takeup, which is asked itself what there is: takeup complete -- WORD…

_takeup() {
    local line words=() candidates=() i
    COMPREPLY=()
    # bash parts "--lane=high" at its '='.
    for ((i = 1; i <= COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == = ]]; then
            ((i < COMP_CWORD)) || words+=('')
        else
            words+=("${COMP_WORDS[i]}")
        fi
    done
    mapfile -t candidates < <("${COMP_WORDS[0]}" complete -- "${words[@]}" 2>/dev/null)
    case ${candidates[0]-} in
    files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "${words[-1]}"); return ;;
    dirs) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "${words[-1]}"); return ;;
    *nospace) compopt -o nospace ;;
    esac
    for line in "${candidates[@]:1}"; do
        printf -v line %q "${line%%$'\t'*}"
        COMPREPLY+=("$line")
    done
}
complete -F _takeup takeup
