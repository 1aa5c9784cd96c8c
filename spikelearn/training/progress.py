"""How far a training is: a bar on a terminal, plain lines elsewhere."""
import sys
import time


class Progress:
    """A bar with running error and time left on a terminal; a plain line an epoch, and every half minute, elsewhere.

    title : what is being trained; None = silence.
    """

    def __init__(self, title, file=None):
        self.title, self.file, self.bar = title, file or sys.stderr, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()

    def start(self, total, done):
        """total, done : images of the whole training and those that are over."""
        self.total, self.done, self.began, self.last, self.first = total, done, time.monotonic(), 0.0, done
        if self.title is not None and self.file.isatty():
            from tqdm import tqdm

            self.bar = tqdm(total=total, initial=done, desc=self.title, unit=" images", file=self.file)

    def tell(self, images, state):
        """`images` more have been shown."""
        self.done += images
        error = 100 * state.tally[1] / state.tally[0]
        if self.bar is not None:
            self.bar.set_postfix_str(f"error {error:.2f} %")
            self.bar.update(images)
        elif self.title is not None and time.monotonic() - self.last > 30:
            self.last = time.monotonic()
            self._line(f"{self.done} of {self.total} images, running error {error:.2f} %")

    def tell_epoch(self, state):
        """An epoch is over."""
        at_end = {name: values[-1] for name, values in state.curve.items()}
        validation = at_end.get("validation_error_percent")
        said = f"epoch {state.epoch}: error {at_end['train_error_percent']:.2f} %"
        said += "" if validation is None else f", validation {validation:.2f} %"
        if self.bar is not None:
            self.bar.write(f"{self.title}: {said}", file=self.file)
        elif self.title is not None:
            self._line(said)

    def _line(self, said):
        rate = (self.done - self.first) / max(time.monotonic() - self.began, 1e-9)
        left = (self.total - self.done) / max(rate, 1e-9)
        print(f"{self.title}: {said}, {rate:.0f} images/s, {left:.0f} s left", file=self.file, flush=True)
