package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"
)

// shells are those that completions are written for.
var shells = map[string]func(w io.Writer, entries []completed){"bash": bashCompletion, "zsh": zshCompletion,
	"fish": fishCompletion}

func completionCommand() command {
	return command{
		name: "completion", args: "bash|zsh|fish", about: "prints completions of commands and flags for a shell",
		example: "memprobe completion bash > /etc/bash_completion.d/memprobe",
		setup: func(*pflag.FlagSet) func(context.Context, []string, streams) error {
			return func(_ context.Context, args []string, std streams) error {
				if len(args) != 1 || shells[args[0]] == nil {
					return usagef("want one of bash, zsh and fish, got %q", args)
				}
				shells[args[0]](std.out, completedCommands())
				return nil
			}
		},
	}
}

func manCommand() command {
	return command{
		name: "man", about: "prints the manual page, for man", example: "memprobe man > memprobe.1 && man ./memprobe.1",
		setup: func(*pflag.FlagSet) func(context.Context, []string, streams) error {
			return func(_ context.Context, args []string, std streams) error {
				if len(args) != 0 {
					return usagef("want no arguments, got %q", args)
				}
				manual(std.out, completedCommands())
				return nil
			}
		},
	}
}

// completed is a command with its flags.
type completed struct {
	command
	flags []*pflag.Flag
}

func completedCommands() []completed {
	var list []completed
	for _, c := range commands() {
		f := pflag.NewFlagSet(c.name, pflag.ContinueOnError)
		f.SortFlags = false
		c.setup(f)
		commonFlags(f)
		e := completed{command: c}
		f.VisitAll(func(flag *pflag.Flag) { e.flags = append(e.flags, flag) })
		list = append(list, e)
	}
	return list
}

// words are the first words of the commands, or the second ones after first.
func words(entries []completed, first string) []string {
	var list []string
	seen := map[string]bool{}
	for _, e := range entries {
		word, rest, _ := strings.Cut(e.name, " ")
		if first != "" {
			if word != first {
				continue
			}
			word = rest
		}
		if word != "" && !seen[word] {
			seen[word], list = true, append(list, word)
		}
	}
	return list
}

func bashCompletion(w io.Writer, entries []completed) {
	fmt.Fprintf(w, "_memprobe() {\n  local word=${COMP_WORDS[COMP_CWORD]} names=\"\"\n  case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n")
	for _, e := range entries {
		var flags []string
		for _, f := range e.flags {
			flags = append(flags, "--"+f.Name)
		}
		fmt.Fprintf(w, "    %q*) names=%q ;;\n", e.name+" ", strings.Join(flags, " "))
	}
	fmt.Fprintf(w, "  esac\n  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    names=%q\n", strings.Join(words(entries, ""), " "))
	for _, first := range words(entries, "") {
		if second := words(entries, first); len(second) > 0 {
			fmt.Fprintf(w, "  elif [ \"$COMP_CWORD\" -eq 2 ] && [ \"${COMP_WORDS[1]}\" = %s ]; then\n    names=%q\n", first,
				strings.Join(second, " "))
		}
	}
	fmt.Fprintf(w, "  fi\n  COMPREPLY=($(compgen -W \"$names\" -- \"$word\"))\n}\ncomplete -o default -F _memprobe memprobe\n")
}

func zshCompletion(w io.Writer, entries []completed) {
	fmt.Fprint(w, "#compdef memprobe\nautoload -U +X bashcompinit && bashcompinit\n")
	bashCompletion(w, entries)
}

func fishCompletion(w io.Writer, entries []completed) {
	quote := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'" }
	for _, word := range words(entries, "") {
		fmt.Fprintf(w, "complete -c memprobe -n __fish_use_subcommand -a %s\n", word)
		for _, second := range words(entries, word) {
			fmt.Fprintf(w, "complete -c memprobe -n '__fish_seen_subcommand_from %s' -a %s\n", word, second)
		}
	}
	for _, e := range entries {
		when := "__fish_seen_subcommand_from " + strings.ReplaceAll(e.name, " ", "; and __fish_seen_subcommand_from ")
		for _, f := range e.flags {
			short := ""
			if f.Shorthand != "" {
				short = " -s " + f.Shorthand
			}
			fmt.Fprintf(w, "complete -c memprobe -n %s -l %s%s -d %s\n", quote(when), f.Name, short, quote(f.Usage))
		}
	}
}

// manual writes a page in roff's man macros.
func manual(w io.Writer, entries []completed) {
	escape := strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n.", "\n\\&.").Replace
	fmt.Fprint(w, ".TH MEMPROBE 1\n.SH NAME\nmemprobe \\- shows where a neural network memorizes\n.SH SYNOPSIS\n.B memprobe\nCOMMAND [FLAGS]\n.SH COMMANDS\n")
	for _, e := range entries {
		fmt.Fprintf(w, ".SS memprobe %s %s\n%s.\n.PP\nExample:\n.PP\n.nf\n    %s\n.fi\n", escape(e.name), escape(e.args),
			escape(e.about), escape(e.example))
		for _, f := range e.flags {
			kind := f.Value.Type()
			if kind == "bool" {
				kind = ""
			}
			fmt.Fprintf(w, ".TP\n.B \\-\\-%s\n%s", escape(f.Name), escape(f.Usage))
			if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "[]" {
				fmt.Fprintf(w, " (%s; default %s)", escape(kind), escape(f.DefValue))
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprint(w, ".SH EXIT STATUS\n0 done; 1 it failed; 2 the command line is wrong; 3 the model or the data is wrong; 130 interrupted.\n")
}
