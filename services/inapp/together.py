"""Work of several coroutines done together, in a thread: what arrives while it is at it is the next turn's.

Nobody waits for company: where nothing is under way, the first begins at once. So a turn is as large as the load makes
it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")


class Together(Generic[Item, Done]):
    """Does one thing for many, on one event loop.

    Parameters:
        do: does it, in a thread; answers in the order it was given.
        most: given to `do` at once.
    """

    def __init__(self, do: Callable[[Sequence[Item]], Sequence[Done]], most: int) -> None:
        self._do = do
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Done]]] = []
        self._turns: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Done:
        """Have it done with others. Raises what `do` raises, which is for all of a turn."""
        future: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._turns is None or self._turns.done():
            self._turns = asyncio.create_task(self._take_turns())
        return await future

    async def _take_turns(self) -> None:
        while self._waiting:
            turn, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            # Who gave up in the meantime is left out.
            wanted = [(item, future) for item, future in turn if not future.done()]
            if wanted:
                await self._take(wanted)

    async def _take(self, turn: Sequence[tuple[Item, asyncio.Future[Done]]]) -> None:
        try:
            answers = await asyncio.to_thread(self._do, [item for item, _ in turn])
        except Exception as error:  # noqa: BLE001  each is told, whatever it is
            for _, future in turn:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), answer in zip(turn, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
