"""The plan of the house, checked by machine: who imports whom, types, lint, file sizes, names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "maskservice").rglob("*.py"))
# The standard library by name, and the two pure libraries that the plan and adr/0001 allow.
DOMAIN_MAY_IMPORT = sys.stdlib_module_names | {"maskservice", "phonenumbers", "regex", "urllib.parse"}
NEVER_IN_DOMAIN = {"logging", "os", "random", "secrets", "socket", "sqlite3", "subprocess", "time", "urllib", "http"}


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)


def test_import_contracts_hold() -> None:
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_is_clean() -> None:
    done = run("ruff", "check", "--no-cache", ".")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_mypy_strict_is_clean() -> None:
    done = run("mypy")
    assert done.returncode == 0, done.stdout


def _imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    # urllib.parse computes; the rest of urllib goes out.
    return {name if name == "urllib.parse" else name.split(".")[0] for name in names}


@pytest.mark.parametrize("path", sorted((ROOT / "maskservice/domain").rglob("*.py")), ids=lambda path: path.stem)
def test_the_domain_imports_nothing_impure(path: Path) -> None:
    assert _imported(path) <= DOMAIN_MAY_IMPORT - NEVER_IN_DOMAIN


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_answers_for_and_is_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.name == "__init__.py" and not text.strip():
        return
    assert ast.get_docstring(ast.parse(text)), "a module says at its top what it answers for"
    assert len(text.splitlines()) <= 300 or "versions" in path.parts, "a file past 300 lines is asking to be two"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_are_the_trade_s(path: Path) -> None:
    vague = {"manager", "helper", "helpers", "util", "utils", "handler", "handlers", "misc", "common"}
    assert not set(re.split(r"[_.]", path.stem)) & vague
    classes = [
        node.name for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ClassDef)
    ]
    assert not [name for name in classes if re.search(r"Manager$|Helper$|Util(s)?$|Handler$", name)]


def test_every_setting_is_explained_and_its_default_is_the_shipped_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import tomllib

    from maskservice.settings import Settings

    monkeypatch.delenv("MASKSERVICE_ENV", raising=False)
    text = (ROOT / "config/default.toml").read_text(encoding="utf-8")
    shipped = tomllib.loads(text)
    assert set(shipped) == set(Settings.model_fields)
    for name, value in shipped.items():
        line = next(line for line in text.splitlines() if line.startswith(f"{name} = "))
        assert "#" in line, f"{name} is not explained"
        default = Settings.model_fields[name].default
        assert str(default) == str(Path(value) if name == "home" else value)
    for other in ("development", "production", "testing"):
        assert set(tomllib.loads((ROOT / f"config/{other}.toml").read_text(encoding="utf-8"))) <= set(shipped)
