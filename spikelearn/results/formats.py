"""A result in the formats of other tools: methods of `Result`. A package is imported when its format is asked for."""
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from brian2 import Quantity
    from neo import Block
    from pandas import DataFrame
    from xarray import Dataset


class Formats:
    """Tables, xarray, Neo and NWB: what `Result` offers besides its own files."""

    def to_dataframe(self, *names: str) -> "DataFrame":
        """The arrays as a pandas table: one row per condition, one column per array.

        Parameters
        ----------
        *names : str
            Arrays of one length, which become the columns; of two-dimensional ones each column does. Without names:
            the table that the protocol defines, such as a row for each condition and rule; or else the first list of
            two entries or more, all others of its length, and the single values, which are repeated; texts of several
            lines are left out.

        Returns
        -------
        pandas.DataFrame
            In SI base units; the unit is part of a column's name, such as "delta_t (s)".

        Raises
        ------
        SpikelearnError
            If there is no such array, if the lengths differ, if names are needed, or if pandas is not installed.

        Examples
        --------
        >>> table = sl.run("stdp_window", quick=True).to_dataframe("delta_t", "change")  # doctest: +PANDAS
        >>> list(table)                                                                  # doctest: +PANDAS
        ['delta_t (s)', 'change']
        """
        from spikelearn.results.dataframe import dataframe

        return dataframe(self, names)

    def to_csv(self, path: str | Path, *names: str) -> Path:
        """Write the table of `to_dataframe` as a CSV file; pandas is not needed.

        Parameters
        ----------
        path : name of a new file.
        *names : arrays that become the columns, as for `to_dataframe`.

        Returns
        -------
        Path
            The file. Its numbers have all their digits, in SI base units; the first line names columns and units.

        Raises
        ------
        SpikelearnError
            If the file exists, if there is no such array, if the lengths differ, or if names are needed.

        Examples
        --------
        >>> file = sl.run("stdp_window", quick=True).to_csv("window.csv", "delta_t", "change")
        >>> file.read_text().splitlines()[0]
        'delta_t (s),change'
        """
        from spikelearn.results.dataframe import write_csv

        return write_csv(self, path, names)

    def to_xarray(self, *names: str) -> "Dataset":
        """The arrays as an xarray dataset, which `to_netcdf` saves.

        Parameters
        ----------
        *names : str
            The arrays to take; without names, all.

        Returns
        -------
        xarray.Dataset
            One variable for each array, in SI units, with the unit as the attribute "units". Axes of one length share
            a dimension, which has the name of the first one-dimensional array so long, its coordinate; but not those of
            different rules, experiments or tables, nor where two lists of names are so long.

        Raises
        ------
        SpikelearnError
            If there is no such array, or if xarray is not installed.

        Examples
        --------
        >>> window = sl.run("stdp_window", quick=True).to_xarray()           # doctest: +XARRAY
        >>> window["change"].dims, window["delta_t"].attrs["units"]          # doctest: +XARRAY
        (('delta_t',), 's')
        """
        from spikelearn.results.exchange import dataset

        return dataset(self, names)

    def to_neo(self, stop: "Quantity | None" = None) -> "Block":
        """Spikes and potentials as a block of Neo, which Elephant analyses.

        Parameters
        ----------
        stop : Quantity, optional
            End of the simulation, for spikes of populations. Without it the end is the result's `duration`, or else
            the last spike; rates depend on it.

        Returns
        -------
        neo.Block
            A segment for each recording. Its spike trains have the annotations `neuron` and `population`; a neuron
            without a spike has none. Its signals are the potential, the weight and the traces, in SI units.

        Raises
        ------
        SpikelearnError
            If the result holds no spikes and no potentials, if `stop` comes before the last spike, or if Neo is not
            installed.

        Examples
        --------
        >>> spikes = sl.Result("mine", {"spikes_t": [5, 7, 9]*ms, "spikes_i": [0, 1, 0]}, {})
        >>> [len(train) for train in spikes.to_neo().segments[0].spiketrains]         # doctest: +NEO
        [2, 1]
        """
        from spikelearn.results.exchange import block

        return block(self, stop)

    def to_nwb(self, path: str | Path, stop: "Quantity | None" = None) -> Path:
        """Write spikes and potentials as a file of Neurodata Without Borders (NWB).

        Parameters
        ----------
        path : name of a new file, such as "trained.nwb".
        stop : end of the simulation, as for `to_neo`.

        Returns
        -------
        Path
            The file. Spike trains are its units, with the columns `recording`, `neuron` and `population`; signals are
            time series of its acquisition.

        Raises
        ------
        SpikelearnError
            If the file exists, if there are no spikes and no potentials, or if pynwb is not installed.

        Examples
        --------
        >>> spikes = sl.Result("mine", {"spikes_t": [5, 7, 9]*ms, "spikes_i": [0, 1, 0]}, {})
        >>> spikes.to_nwb("mine.nwb").name                                            # doctest: +NWB
        'mine.nwb'
        """
        from spikelearn.results.exchange import write_nwb

        return write_nwb(self, path, stop)
