# shellcheck shell=bash
# bash completion for takeup: commands, options, pipelines, and the names of jobs of the spool.

# The value of the option $1 on the command line so far, else $2.
_takeup_option() {
    local i
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == "$1" ]] && { printf '%s' "${COMP_WORDS[i + 1]}"; return; }
    done
    printf '%s' "$2"
}

# Jobs that have not ended.
_takeup_open() {
    local spool at path
    spool=$(_takeup_option --spool "${TAKEUP_SPOOL:-spool}")
    for path in "$spool"/pending/*.json "$spool"/pending/*/*.json "$spool"/running/*/*/*.job \
        "$spool"/deferred/*@*@*; do
        [ -e "$path" ] || continue
        at=${path##*/} at=${at%.json} at=${at%.job}
        [[ $path == */deferred/* ]] && at=${at%@*@*}
        printf '%s\n' "$at"
    done
}

# Those in the places given: done, error.
_takeup_ended() {
    local spool place path
    spool=$(_takeup_option --spool "${TAKEUP_SPOOL:-spool}")
    for place; do
        for path in "$spool/$place"/*; do
            [ -e "$path" ] && printf '%s\n' "${path##*/}"
        done
    done
}

# STEP.PARAM= of the pipeline on the command line.
_takeup_params() {
    local id
    id=$(_takeup_option -p "$(_takeup_option --pipeline ocr_only)")
    {
        "$1" graph "$id" 2>/dev/null | sed -n 's/^ *"\([^"]*\)" \[label="[^\\]*\\n\([^"]*\)"\];$/step \1 \2/p'
        "$1" steps 2>/dev/null | sed -n 's/^\([a-z0-9_-]*\): .*/of \1/p; s/^  \([a-z0-9_-]*\)  *.*; default .*/param \1/p'
    } | awk '$1 == "step" { ids[$3] = ids[$3] " " $2 } $1 == "of" { step = $2 }
        $1 == "param" { n = split(ids[step], all, " "); for (i = 1; i <= n; i++) print all[i] "." $2 "=" }'
}

_takeup() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' i
    local commands='run init worker submit status wait retry cancel health check validate pipelines steps graph config prune fsck watchdog'
    local global='--spool --pipelines --plugins --config --json --log-level --log-format --help'
    local words='' files=no
    COMPREPLY=()

    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ " $commands " == *" ${COMP_WORDS[i]} "* ]] && { command=${COMP_WORDS[i]}; break; }
    done

    case $before in
    --spool | --pipelines | --plugins | -o | --out)
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
        return
        ;;
    --config)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    --pipeline | -p) words=$("${COMP_WORDS[0]}" pipelines --json 2>/dev/null |
        sed -n 's/.*"id": *"\([^"]*\)".*/\1/p') ;;
    --lane) words='high normal low' ;;
    --log-level) words='error warn info debug trace' ;;
    --log-format) words='logfmt json' ;;
    --class) words='job pipeline input input_wait input_changed missing output io memory timeout stall crash
        lost cancelled bug' ;;
    --param)
        words=$(_takeup_params "${COMP_WORDS[0]}")
        compopt -o nospace
        ;;
    --jobs | --threads | --name | --settle | --input-wait | --stall | --timeout | --max-attempts | \
        --backoff | --lease | --within | --max-restarts | --stale | --max-time | --older-than | --keep-last | --still | --old) return ;;
    *)
        case $command in
        '') words="$commands --help --version" ;;
        init) files=yes ;;
        run) words="--pipeline --param --threads --out $global" files=yes ;;
        submit) words="--pipeline --name --lane --param --wait --timeout $global" files=yes ;;
        validate) words=$global files=yes ;;
        worker)
            words="--jobs --threads --drain --fail --max-time --settle --input-wait --stall --timeout
                --max-attempts --backoff --lease $global"
            ;;
        status) words="$(_takeup_open) $(_takeup_ended 'done' error) --watch $global" ;;
        wait) words="$(_takeup_open) $(_takeup_ended 'done' error) --timeout $global" ;;
        cancel) words="$(_takeup_open) --no-wait --timeout $global" ;;
        retry) words="$(_takeup_ended error) --all --class $global" ;;
        health) words="--within $global" ;;
        watchdog) words="--max-restarts --within --stale -- worker $global" ;;
        prune) words="--older-than --done --error --keep-last --dry-run $global" ;;
        fsck) words="--repair --codes --lease --still --old $global" ;;
        graph) words="$("${COMP_WORDS[0]}" pipelines --json 2>/dev/null |
            sed -n 's/.*"id": *"\([^"]*\)".*/\1/p') $global" ;;
        *) words=$global ;;
        esac
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    if [ "$files" = yes ] && [[ $word != -* ]]; then
        mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$word")
    fi
}
complete -o filenames -F _takeup takeup
