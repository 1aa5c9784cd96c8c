"""What spikelearn uses of Brian2's parser: documented functions that Brian2 does not offer at its top level.

Reading a model's text needs them; all else that is not in `import brian2` is touched in simulation/brian_internals.
"""
from brian2.codegen.translation import analyse_identifiers
from brian2.core.variables import Constant, Variable
from brian2.equations.equations import PARAMETER, SUBEXPRESSION
from brian2.equations.unitcheck import check_units_statements
from brian2.parsing.expressions import is_boolean_expression, parse_expression_dimensions
from brian2.parsing.statements import parse_statement
from brian2.parsing.sympytools import str_to_sympy
from brian2.stateupdaters.base import StateUpdateMethod
from brian2.utils.stringtools import get_identifiers, word_substitute

__all__ = ["PARAMETER", "SUBEXPRESSION", "Constant", "StateUpdateMethod", "Variable", "analyse_identifiers",
           "check_units_statements", "get_identifiers", "is_boolean_expression", "parse_expression_dimensions",
           "parse_statement", "str_to_sympy", "word_substitute"]
