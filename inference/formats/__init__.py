"""ECG files as recorders and archives write them: bytes in, an `EcgRecording` or pages out.

Rule of the room: no network and no disk; limits are checked before anything is unpacked; what is
broken is an `EcgUnreadable` with a reason that holds nothing of the patient; what is doubtful is a
value of `inference.core.ecg_checks`.
"""
