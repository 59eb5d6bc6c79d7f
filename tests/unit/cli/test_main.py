"""The command line before any part runs."""

import pytest

from streamset_cli.main import COMMANDS, main


@pytest.mark.parametrize("words", [["--help"], *([name, "--help"] for name in COMMANDS)])
def test_every_help_says_what_the_command_does(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)

    assert ended.value.code == 0
    assert len(capsys.readouterr().out.splitlines()) > 8


def test_every_command_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    listed = capsys.readouterr().out
    assert all(f"{name} " in listed or f"{name}\n" in listed for name in COMMANDS)


@pytest.mark.parametrize("words", [[], ["nonsense"], ["relay", "--nonsense"]])
def test_wrong_usage_is_exit_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)

    assert ended.value.code == 2
    assert "usage: streamset" in capsys.readouterr().err


def test_a_missing_part_names_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(COMMANDS, "relay", ("no_such_package.command", "relay", "relay"))
    with pytest.raises(SystemExit) as ended:
        main(["relay"])

    assert ended.value.code == 2
    assert "pip install 'binance-streamset[relay]'" in capsys.readouterr().err
