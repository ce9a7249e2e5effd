"""Under which key a patient's twin is kept: a keyed digest that nobody can turn back into an id.

Pure; the key is made once per installation by whoever owns the data directory.
"""

from __future__ import annotations

from hashlib import blake2b

from twin.core.stored_twin import PatientKey

KEY_BYTES = 32


def patient_key(installation_key: bytes, fhir_server: str, patient_id: str) -> PatientKey:
    """Return the opaque key of one patient of one EHR.

    Patient ids are short and guessable, so a plain digest could be undone by trying them all; the
    installation's secret key prevents it (keyed BLAKE2b, https://www.rfc-editor.org/rfc/rfc7693).

    Parameters
    ----------
    installation_key
        32 secret bytes of this installation.
    fhir_server
        Base URL of the EHR's FHIR server, or the issuer where a call names no server: the same
        patient id on another server is another patient.
    patient_id
        The FHIR logical id of the Patient.

    Raises
    ------
    ValueError
        When the installation key is not 32 bytes long.
    """
    if len(installation_key) != KEY_BYTES:
        raise ValueError(f"The installation key must be {KEY_BYTES} bytes long.")
    digest = blake2b(key=installation_key, digest_size=20)
    # The server's length goes first, so that no two pairs can be joined to the same text.
    server = fhir_server.rstrip("/").encode()
    digest.update(len(server).to_bytes(4, "big") + server + patient_id.encode())
    return PatientKey(digest.hexdigest())
