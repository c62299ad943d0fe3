"""Papers that can be edited in Word or WPS and printed: frames in, DOCX out."""
