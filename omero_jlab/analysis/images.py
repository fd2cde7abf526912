"""A function over many images: what is computed is stored as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from ..errors import Invalid
from ..objects import Image, Repository
from ..objects.progress import progress_bar
from ..objects.thing import Thing
from .calls import Calls
from .chosen import Images, chosen
from .outcomes import Outcome, Outcomes
from .pools import open_pool
from .record import Record
from .shared import SharedTables
from .task import Task, packed
from .token import WorkersToken

__all__ = ["map_images"]

_SHARING = ("project", "dataset", "screen", "plate")


def map_images(
    function: Callable[..., Any],
    images: Images,
    name: str = "result",
    *,
    attach_to: Thing[Any] | None = None,
    repository: Repository | None = None,
    on: Any = "threads",
    workers: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    retries: int = 1,
    resume: bool = True,
    retry_failed: bool = True,
    url: str | None = None,
    quiet: bool = False,
) -> Outcomes:
    """Call `function(image, **parameters)` for each image and store what it returns.

    Label images are stored by the workers as they come, and so are tables, unless they are
    shared.  Each result keeps how it was made: the function's text and a digest of it and of what
    it uses, its parameters, the image.  What became of each image is remembered by the repository
    (`repo.runs`), so that a run that was interrupted goes on where it ended, from any kernel.

    Parameters
    ----------
    function
        Returns a `pandas.DataFrame` (a table), an array of integers (a label image), a tuple of
        both, a mapping from names to them, a mapping from names to single values (a table of one
        row), or None.  Anything else that JSON holds is kept as the image's `value`.
    images
        What it is called with, each once: images, their numbers, a project, dataset, screen, plate
        or well, a condition on their tables such as "count(Nuclei) > 50", or several of these.
    name
        What the run is called, and results that the function does not name.
    attach_to
        The project, dataset, screen or plate that gets one table for all images, with the column
        `Image`, and beside it the table "{name}: images" with a row an image.  Without it, each
        image gets tables of its own.
    repository
        Where images are that are named by number or condition.
    on
        "threads", "processes" on this machine, the address of a `dask.distributed` scheduler, or
        a client of it.  Its workers need this package and reach the repository's server; they see
        no file of the repository, and get a right for this run alone: to read these images and to
        store results of this run.  It ends with the run, within the hour if that is killed.
    workers
        How many threads or processes; as many as there are cores by itself.
    parameters
        Numbers, texts, lists and mappings of them; kept with the results.
    retries
        How often an image is tried again after it failed, or its worker died.
    resume
        Leave out images that an equal run (function, parameters, name) has done and whose results
        are there still; what it left of others is taken away.  False does all of them again and
        keeps earlier results.
    retry_failed
        Whether images that failed in an equal run are tried again; without it, they are told as
        they were.
    url
        The address under which workers reach the server; the one used here without it.

    Returns
    -------
    What became of each image, in the order given; `.failed` holds those that failed, with the
    reason.

    Raises
    ------
    Invalid
        Nothing was begun: an argument has no meaning.
    Unavailable
        The cluster cannot be reached.
    """
    session, listed = chosen(images, (repository, attach_to))
    if attach_to is not None and getattr(attach_to, "kind", None) not in _SHARING:
        raise Invalid(f"Shared tables belong to a {', '.join(_SHARING)}, not to {attach_to!r}.")
    if retries < 0:
        raise Invalid(f"An image is tried again 0 times or more, not {retries}.")
    target = None if attach_to is None else (attach_to.kind, attach_to.id)
    task = Task.of(function, parameters or {}, name, target)
    with ExitStack() as stack:
        pool = stack.enter_context(open_pool(on, workers))
        data = b"" if pool.shares_memory else packed(task)
        if session is None:
            return Outcomes((), {})
        record = Record(session, task)
        shared = None if attach_to is None else SharedTables(attach_to, task)
        former = "" if quiet else record.former()
        if former:
            print(f"note: {former}")
        before = _before(record, listed, shared, retry_failed) if resume else []
        outcomes = {each.image_id: each for each in before}
        todo = [image for image in listed if image.id not in outcomes]
        if resume:
            record.clear(todo)
        if shared is not None and resume:
            shared.clear([each.image_id for each in before])
        elif shared is not None:
            shared.forget()
        token = None
        if todo and not pool.shares_memory:
            token = WorkersToken(session, task.key, [image.id for image in todo], url)
            stack.enter_context(closing(token))
        tell = stack.enter_context(_bar(len(listed), len(outcomes), quiet))

        def ended(outcome: Outcome) -> None:
            outcomes[outcome.image_id] = outcome
            tell(outcome)

        Calls(pool, task, record, shared, retries, resume, data, token).run(todo, ended)
    tables = {} if shared is None else shared.tables
    return Outcomes((outcomes[image.id] for image in listed), tables)


def _before(
    record: Record, images: list[Image], shared: SharedTables | None, retry_failed: bool
) -> list[Outcome]:
    """What an equal run has said of images that is not to be done again."""
    found = [] if retry_failed else record.failed_before(images)
    if shared is None:
        return found + record.done_before(images)
    done = shared.done()
    return found + [
        Outcome(
            image_id=image.id, name=image.name, state="skipped", value=record.value_of(image.id)
        )
        for image in images
        if image.id in done
    ]


@contextmanager
def _bar(total: int, done: int, quiet: bool) -> Iterator[Callable[[Outcome], None]]:
    bar = None if quiet else progress_bar("map_images", " images", total, done)
    if bar is None:
        yield lambda _: None
        return
    failed = 0

    def tell(outcome: Outcome) -> None:
        nonlocal failed
        failed += outcome.state == "failed"
        if failed:
            bar.set_postfix_str(f"{failed} failed", refresh=False)
        bar.update()

    with bar:
        yield tell
