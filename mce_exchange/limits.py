"""Every cap of the protocol in one table (SPEC section 10); sizes in bytes unless said otherwise.

A cap is checked before anything is allocated, decrypted or verified. Floors ("MUST accept at
least") equal the caps: there is no zone in which two implementations may differ.
"""

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

# Fixed sizes of suite MCE1.
HASH: Final = 32
KEY_ID: Final = 32
ED25519_PUBLIC: Final = 32
ED25519_SIGNATURE: Final = 64
ML_DSA_65_PUBLIC: Final = 1952
ML_DSA_65_SIGNATURE: Final = 3309
ML_DSA_44_PUBLIC: Final = 1312
ML_DSA_44_SIGNATURE: Final = 2420
X_WING_PUBLIC: Final = 1216
X_WING_SEED: Final = 32
WRAP: Final = 1168
SIGNATURE_BLOCK: Final = KEY_ID + ED25519_SIGNATURE + ML_DSA_65_SIGNATURE
CHUNK: Final = 256 * KIB
TAG: Final = 16
LOG_ENTRY: Final = 34

# Statements.
TYPE_NAME: Final = 32
STATEMENT_BODY: Final = 1 * MIB
SIGNATURES: Final = 16
NESTING: Final = 8
STATEMENT: Final = 1 + TYPE_NAME + 4 + STATEMENT_BODY + 1 + SIGNATURES * SIGNATURE_BLOCK

# Names.
MEMBER_ID: Final = 64
DISPLAY_NAME: Final = 128
ADDRESS: Final = 256
PHONE: Final = 32
CERTIFICATE: Final = 2 * KIB
TLS_CERTIFICATES: Final = 2

# Directory.
MEMBERS: Final = 256
MEMBER_RECORD: Final = 128 * KIB
# Numbers of keys count all that ever were: a Directory forgets none in eighty years.
SIGNING_KEYS: Final = 48
ROOT_KEYS: Final = 128
LOG_KEYS: Final = 64
WITNESS_KEYS: Final = 256
RELAYS: Final = 64
RELAY_RECORD: Final = 128 * KIB
WITNESSES: Final = 64
DIRECTORY_VERSIONS: Final = 4096
SUSPENSIONS: Final = 256
# The Statement and all member records together: below what one call takes.
DIRECTORY_BUNDLE: Final = 14 * MIB

# Messages.
RECIPIENTS: Final = 64
ATTACHMENTS: Final = 32
STREAMS: Final = ATTACHMENTS + 1
PAYLOAD_PADDED: Final = 1 * MIB
ATTACHMENT_PADDED: Final = 2 * 1024 * MIB
CONTENT: Final = PAYLOAD_PADDED - 64 * KIB
ATTACHMENT_NAME: Final = 255
MEDIA_TYPE: Final = 127
LIFETIME_SECONDS: Final = 400 * 24 * 3600
DEFAULT_LIFETIME_SECONDS: Final = 90 * 24 * 3600
ACK_ITEMS: Final = 1024

# Log.
NOTE: Final = 240 * KIB
NOTE_SIGNATURES: Final = 1 + 1 + 2 * WITNESSES
PROOF_HASHES: Final = 63
TREE_SIZE: Final = 2**62

# Relay calls.
ENVELOPES_PER_CALL: Final = 64
STATEMENTS_PER_CALL: Final = 256
CALL: Final = 16 * MIB
PART: Final = 4 * (CHUNK + TAG)
ENTRIES_PER_CALL: Final = 4096

# Evidence files.
EVIDENCE_RECORD: Final = DIRECTORY_BUNDLE + 1 * MIB
