"""OUT: a folder that is emptied, and so only one that is nobody else's.

It is taken when it is not there, when it is empty, or when a demo made it,
which the file MARKER in it says; `out/demo` in the repository is the demo's
own. All else is refused and left as it is."""
import os
import pathlib
import pwd
import shutil
import stat

from bench import Failure, ROOT

MARKER = ".drover-demo"
SAYS = "A demo of Drover made this folder; the next one empties it.\n"
OWN = pathlib.Path("out", "demo")  # in the repository


def homes():
    found = [os.path.expanduser("~")]
    try:
        found.append(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        pass  # a user without an entry
    return [pathlib.Path(h).resolve() for h in found if h.startswith("/")]


def guarded(folder, kept=()):
    """Why a folder is never emptied, whatever lies in it, or None. Paths are
    compared, nothing is opened."""
    for what, path in [("the root folder", pathlib.Path("/")),
                       *(("somebody's home", h) for h in homes()),
                       ("this repository", ROOT),
                       *(("what this demo reads", pathlib.Path(k).resolve())
                         for k in kept)]:
        if folder == path:
            return "is " + what
        if folder in path.parents:
            return "holds " + what
    return None


def made_by_a_demo(folder):
    """The marker is there, whole, and no link to one."""
    path = folder / MARKER
    try:
        return stat.S_ISREG(path.lstat().st_mode) and \
            path.read_bytes() == SAYS.encode()
    except OSError:
        return False


def refused(folder, why):
    return Failure("OUT=%s %s, and OUT is emptied first: give a new or an "
                   "empty folder" % (folder, why))


def taken(path, kept=()):
    """The folder that may be emptied, or Failure; nothing is changed."""
    path = pathlib.Path(os.path.abspath(path))
    if path.is_symlink():
        raise refused(path, "is a symbolic link")
    folder = path.resolve()
    why = guarded(folder, kept)
    if why:
        raise refused(folder, why)
    if not folder.exists():
        return folder
    if not folder.is_dir():
        raise refused(folder, "is no folder")
    if (folder / ".git").exists():
        raise refused(folder, "is a repository")
    if any(folder.iterdir()) and not made_by_a_demo(folder) and \
            folder != ROOT / OWN:
        raise refused(folder, "holds files that no demo wrote")
    return folder


def emptied(path, kept=()):
    """OUT, empty but for its marker and a folder for logs. Neither it nor what
    lies in `kept`, the paths that the demo reads, is anybody else's."""
    try:
        folder = taken(path, kept)
        folder.mkdir(parents=True, exist_ok=True)
        for entry in folder.iterdir():
            if entry.name == MARKER:
                continue  # to the last: an emptying may be cut off
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        if not made_by_a_demo(folder):
            (folder / MARKER).unlink(missing_ok=True)
            (folder / MARKER).write_text(SAYS)
        (folder / "logs").mkdir()
    except RuntimeError as e:  # a loop of links
        raise Failure("OUT=%s: %s" % (path, e)) from None
    except OSError as e:
        raise Failure("OUT=%s cannot be made and emptied (%s: %s): give a "
                      "folder that can" % (path, e.filename, e.strerror)
                      ) from None
    return folder
