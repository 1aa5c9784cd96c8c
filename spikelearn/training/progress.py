"""How far a training or a sweep is: a bar on a terminal, plain lines elsewhere."""
import sys
import time

HALF_MINUTE = 30        # seconds between two lines within an epoch


class Progress:
    """A bar with time left on a terminal; a plain line an epoch, and every half minute, elsewhere.

    title : what is being trained; None = silence. unit : what is counted. apart : seconds between two lines of epochs,
    of which the last is always told. within : seconds between two other lines.
    """

    def __init__(self, title, file=None, *, unit="images", apart=0, within=HALF_MINUTE):
        self.title, self.file, self.bar, self.unit, self.apart = title, file or sys.stderr, None, unit, apart
        self.within = within

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()

    def start(self, total, done):
        """total, done : examples of the whole training and those that are over."""
        self.total, self.done, self.first, self.began = total, done, done, time.monotonic()
        self.last = self.last_epoch = -float("inf")
        if self.title is not None and self.file.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, initial=done, desc=self.title, unit=f" {self.unit}", file=self.file)

    def tell(self, examples, said):
        """`examples` more have been shown. said : how it goes, such as "error 3.2 %"."""
        self.done += examples
        if self.bar is not None:
            self.bar.set_postfix_str(said)
            self.bar.update(examples)
        elif self.title is not None and time.monotonic() - max(self.last, self.began) > self.within:
            self._line(", ".join(filter(None, (f"{self.done} of {self.total} {self.unit}", said))))

    def tell_epoch(self, epoch, said):
        """Report the end of an epoch. said : its summary."""
        if self.bar is not None:
            self.bar.write(f"{self.title}: epoch {epoch}: {said}", file=self.file)
        elif self.title is not None and (self.done >= self.total or time.monotonic() - self.last_epoch > self.apart):
            self.last_epoch = time.monotonic()
            self._line(f"epoch {epoch}: {said}")

    def _line(self, said):
        self.last = time.monotonic()
        rate = (self.done - self.first) / max(self.last - self.began, 1e-9)
        left = (self.total - self.done) / max(rate, 1e-9)
        speed = f"{rate:.{0 if rate >= 10 else 2}f} {self.unit}/s"
        print(f"{self.title}: {said}, {speed}, {left:.0f} s left", file=self.file, flush=True)
