"""Fuzzing of every parser of bytes or text from outside: only declared errors, bounded memory and time.

`target` says what a target is; `targets` has all of them, with the errors each may raise, which other
tests may use. `world` makes the good artefacts that mutation starts from, `mutate` the mutations,
`strategies` hypothesis's inputs, `engine` runs a target in a process of its own. `make fuzz` is
`__main__`. What a found defect needed stands under `corpus/<target>/`, one file a defect, and is
tried at every run.
"""
