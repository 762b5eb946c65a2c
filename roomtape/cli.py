"""The two command lines, `publish.py` and `roomtape`, built from the table of options.

Exit codes: 0 done, 1 failed, 2 bad input (one sentence on standard error), 130 interrupted.
"""

import difflib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NoReturn

import click
from click.core import ParameterSource

from roomtape import __version__, commands
from roomtape.errors import ConfigError, RecorderError
from roomtape.given import Again, Given, Strength
from roomtape.option_types import text_of, toml_options
from roomtape.options import TABLE, Command, Option

FAILED: Final = 1
BAD_INPUT: Final = 2
INTERRUPTED: Final = 130

Job = Callable[[Sequence[Given], Again], int]

_JOBS: Final[dict[Command, tuple[Job, str]]] = {
    Command.RECORD: (commands.record, "Record everyone in ROOM (a name, or a link as in a browser), or some of them."),
    Command.VIEW: (commands.view, "Show a stream: on the screen, to a player, or in a file."),
    Command.PUBLISH: (commands.publish, "Publish a stream."),
    Command.SERVE: (commands.serve, "Be the handshake server of rooms of your own."),
    Command.VERIFY: (commands.verify, "Check that recordings play: files, or all that are in folders."),
    Command.REPAIR: (commands.repair, "Make recordings that were cut off final: files, or all that are in folders."),
    Command.DOCTOR: (commands.doctor, "Find out whether recording can work here, and why not."),
    Command.DEMO: (commands.demo, "Record two synthetic guests and check the files."),
}
_FLAT_HELP: Final = """Record a room or a stream, view a stream, or publish one.

Every option may also stand in a --config file, or in the environment as ROOMTAPE_NAME. The command line wins over the
environment, and the environment over the file.
"""
_GROUP_HELP: Final = "Records every guest of a WebRTC room to a file of their own."

_CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_ARGUMENTS: Final = "roomtape.arguments"
_STRENGTHS: Final = {
    ParameterSource.DEFAULT_MAP: Strength.FILE,
    ParameterSource.ENVIRONMENT: Strength.ENVIRONMENT,
    ParameterSource.COMMANDLINE: Strength.COMMAND_LINE,
}


def main() -> NoReturn:
    """`roomtape` and `python -m roomtape`."""
    sys.exit(run(roomtape_command(), sys.argv[1:]))


def main_flat() -> NoReturn:
    """`publish.py`."""
    sys.exit(run(flat_command(), sys.argv[1:]))


def run(command: click.Command, arguments: Sequence[str]) -> int:
    """Runs one command line; the exit code."""
    name = command.name or ""
    try:
        code = command.main(list(arguments), prog_name=name, standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return BAD_INPUT
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        return _complain(context.command_path if context else name, _sentence(error), BAD_INPUT)
    except RecorderError as error:
        return _complain(name, error.detail, BAD_INPUT if isinstance(error, ConfigError) else FAILED)
    except click.Abort:
        return INTERRUPTED
    return code if isinstance(code, int) else 0


def _complain(name: str, sentence: str, code: int) -> int:
    click.echo(f"{name}: {sentence}", err=True)
    return code


def flat_command() -> click.Command:
    return _with_version(_command("publish.py", Command.FLAT, commands.flat, _FLAT_HELP))


def roomtape_command() -> click.Command:
    group = _Group("roomtape", help=_GROUP_HELP, context_settings=dict(_CONTEXT))
    for kind, (job, text) in _JOBS.items():
        group.add_command(_command(str(kind.name).lower(), kind, job, text))
    return _with_version(group)


def _with_version(command: click.Command) -> click.Command:
    return click.version_option(__version__, prog_name="roomtape", message="%(prog)s %(version)s")(command)


def _command(name: str, kind: Command, job: Job, text: str) -> click.Command:
    options = [option for option in TABLE if kind in option.on]

    def callback(**_: object) -> int:
        context = click.get_current_context()
        return job(list(_given(context, options)), lambda: _given_now(context, options))

    parameters = [_parameter(option, kind) for option in options]
    return _Command(name, params=parameters, callback=callback, help=text, context_settings=dict(_CONTEXT))


def _given(context: click.Context, options: Sequence[Option]) -> Iterator[Given]:
    for option in options:
        source = context.get_parameter_source(option.key)
        if source in _STRENGTHS:
            yield Given(option, context.params[option.key], _STRENGTHS[source], option.name)


def _given_now(former: click.Context, options: Sequence[Option]) -> list[Given]:
    """What the same command line gives now: files that it names may have changed.

    Raises:
        ConfigError: it is not understood any more.
    """
    arguments = list(former.meta[_ARGUMENTS])
    try:
        with former.command.make_context(former.info_name, arguments, parent=former.parent) as context:
            return list(_given(context, options))
    except click.ClickException as error:
        raise ConfigError(_sentence(error)) from None


def _sentence(error: click.ClickException) -> str:
    """What is wrong, and where it stands if that is not the command line."""
    sentence = error.format_message()
    if not isinstance(error, click.BadParameter) or error.ctx is None or error.param is None or not error.param.name:
        return sentence
    match error.ctx.get_parameter_source(error.param.name):
        case ParameterSource.DEFAULT_MAP:
            return f"in the file {error.ctx.params.get('config')}: {sentence}"
        case ParameterSource.ENVIRONMENT:
            return f"in the environment, {error.param.envvar}: {sentence}"
        case _:
            return sentence


def _parameter(option: Option, kind: Command) -> click.Parameter:
    if kind in option.positional:
        return click.Argument(
            [option.key],
            type=option.type,
            nargs=-1 if option.several else 1,
            required=option.several,
            envvar=option.environment,
        )
    bare: dict[str, Any] = {"flag_value": option.bare} if option.bare else {}
    default = f" [default: {option.default_text}]" if option.default_text else ""
    return click.Option(
        [f"--{option.name}", option.key],
        help=option.help + default,
        type=option.type,
        metavar="N" if isinstance(option.type, click.IntRange) else None,
        is_flag=True if option.type is None else False if option.bare else None,
        **bare,
        multiple=option.several,
        envvar=option.environment,
        hidden=option.hidden,
        is_eager=option.name == "config",
        callback=_read_config if option.name == "config" else None,
    )


def _read_config(context: click.Context, _: click.Parameter, path: str | None) -> str | None:
    """Makes a configuration file's options the defaults. Any command's are welcome, so that one file serves all.

    Raises:
        ConfigError: an option that does not exist, is there twice, or has a value of another type.
    """
    known = {option.name: option for option in TABLE if option.name != "config"}
    defaults: dict[str, Any] = {}
    for written, value in (toml_options(path) if path else {}).items():
        name = written.replace("_", "-")
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ConfigError(f"the file {path} has an option {written!r} that does not exist{hint}")
        option = known[name]
        if option.key in defaults:
            raise ConfigError(f"the file {path} has the option {name!r} twice")
        if isinstance(value, list) and not option.several:
            raise ConfigError(f"the file {path} has a list for {name!r}, which takes one value")
        try:
            texts = [text_of(item, option.type) for item in (value if isinstance(value, list) else [value])]
        except ConfigError as error:
            raise ConfigError(f"in the file {path}, {name!r} {error.detail}") from None
        defaults[option.key] = texts if option.several else texts[0]
    context.default_map = defaults
    return path


class _Command(click.Command):
    allow_extra_args = True

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """What is left over is not repeated: it may be half of a password or of a link."""
        ctx.meta[_ARGUMENTS] = tuple(args)
        super().parse_args(ctx, args)
        if ctx.args:
            raise click.UsageError("too many words: values with spaces, & or ; need quotes", ctx)
        return ctx.args


class _Group(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """An unknown command is not repeated: it may be a link with a password."""
        if args[0] not in self.commands:
            close = difflib.get_close_matches(args[0], self.commands, n=1)
            hint = f"did you mean {close[0]}?" if close else f"see {ctx.command_path} --help"
            raise click.UsageError(f"no such command; {hint}", ctx)
        return super().resolve_command(ctx, args)
